import { grad, noGrad, scope, type Tensor } from "@sdgan/torch";
import { describe, expect, it } from "vitest";
import { expectClose, golden } from "../testing/golden.js";
import { sentenceLoss, wordContexts, wordsLoss } from "./damsm.js";

describe("DAMSM", () => {
  it("has the published code's attention over regions", () => {
    noGrad(() =>
      scope(() => {
        const file = golden("attention");
        const [words, regions] = [file.get("damsm.query"), file.get("damsm.context")];
        const mask = file.mask(words, "damsm.lengths");
        const { context, attention } = wordContexts(regions, words, mask, file.setting("gamma1"));
        for (let b = 0; b < words.size(0); b++) {
          const own = context.select(0, b).select(0, b); // [T, D]
          expectClose(own.t(), file.get("damsm.weighted").select(0, b), 1e-4);
          const expected = file.get("damsm.attention").select(0, b); // [T, H, W]
          expectClose(
            attention
              .select(0, b)
              .select(0, b)
              .reshape(...expected.shape),
            expected,
            1e-4,
          );
        }
      }),
    );
  });

  it("has the published code's losses and gradients", () => {
    const file = golden("damsm-losses");
    const gamma = file.setting("gamma");
    const losses = file.metadata.losses as Record<string, number> & { no_class_mask: number[] };
    const inputs = ["regions", "words", "code", "sentence"].map((name) => file.get(name));
    for (const input of inputs) input.requiresGrad = true;
    const [regions, words, code, sentence] = inputs as [Tensor, Tensor, Tensor, Tensor];
    const mask = file.mask(words, "lengths");
    const classes = file.get("class_ids");
    // A cross entropy near zero is a difference of larger numbers, so its error is relative to those.
    const scale = Math.max(...Object.values(losses).flat());
    const close = (actual: number, expected: number) =>
      expect(Math.abs(actual - expected) / scale).toBeLessThan(1e-4);

    const byWords = wordsLoss(regions, words, mask, gamma, classes);
    const bySentence = sentenceLoss(code, sentence, gamma, classes);
    close(byWords.imageToText.item(), losses.words_image_to_text!);
    close(byWords.textToImage.item(), losses.words_text_to_image!);
    close(bySentence.imageToText.item(), losses.sentence_image_to_text!);
    close(bySentence.textToImage.item(), losses.sentence_text_to_image!);

    const total = byWords.imageToText
      .add(byWords.textToImage)
      .add(bySentence.imageToText)
      .add(bySentence.textToImage);
    const gradients = grad([total], inputs);
    for (const [i, name] of ["regions", "words", "code", "sentence"].entries()) {
      expectClose(gradients[i]!, file.get(`grad.${name}`), 1e-3);
    }

    const unmasked = [wordsLoss(regions, words, mask, gamma), sentenceLoss(code, sentence, gamma)];
    const values = unmasked.flatMap(({ imageToText, textToImage }) => [
      imageToText.item(),
      textToImage.item(),
    ]);
    for (const [i, expected] of losses.no_class_mask.entries()) close(values[i]!, expected);
  });
});
