import { noGrad, scope } from "@sdgan/torch";
import { describe, it } from "vitest";
import { expectClose, golden } from "../testing/golden.js";
import { TextEncoder } from "./text-encoder.js";
import { WordAttention } from "./word-attention.js";

describe("text encoder", () => {
  it("agrees with the published code", () => {
    const file = golden("text-encoder");
    const embedding = file.get("weights.encoder.weight");
    const hidden = file.get("weights.rnn.weight_hh_l0").size(1);
    const encoder = new TextEncoder({
      vocabularySize: embedding.size(0),
      embedding: embedding.size(1),
      width: 2 * hidden,
      dropout: 0.5,
    });
    encoder.loadStateDict(file.below("weights."));
    encoder.eval();
    const { words, sentence } = encoder.forward(file.get("captions"), file.get("lengths").toNumbers());
    // PyTorch truncates to the longest caption.
    const expected = file.get("words");
    expectClose(words.narrow(2, 0, expected.size(2)), expected, 1e-4);
    expectClose(sentence, file.get("sentence"), 1e-4);
  });
});

describe("the generator's word attention", () => {
  it("agrees with the published code", () => {
    noGrad(() =>
      scope(() => {
        const file = golden("attention");
        const weight = file.get("word.weights.conv_context.weight"); // [C, D, 1, 1]
        const [channels, width] = weight.shape as [number, number];
        const attention = new WordAttention(width, channels);
        attention.loadStateDict(new Map([["project.weight", weight.view(channels, width)]]));
        const words = file.get("word.words");
        const mask = file.mask(words, "word.lengths");
        const input = file.get("word.input");
        const result = attention.forward(input, { words, mask, sentence: words.mean(2) });
        expectClose(result.context, file.get("word.weighted"), 1e-4);
        const expected = file.get("word.attention"); // [B, T, H, W]
        expectClose(result.attention.transpose(1, 2).reshape(...expected.shape), expected, 1e-4);
      }),
    );
  });
});
