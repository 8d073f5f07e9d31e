import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { manualSeed, noGrad, scope } from "@sdgan/torch";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  makeAttributeClassifier,
  type TrainedAttributeClassifier,
} from "../artifacts/attribute-classifier.js";
import { birds } from "../data/birds/index.js";
import { prepare } from "../data/prepare.js";
import { openPrepared, type Prepared } from "../data/prepared.js";
import { imagesOf } from "../data/tensors.js";
import { disagreements, nearestReal, realImage } from "./inspection.js";

let folder: string;
let data: Prepared;
/** Untrained: its predictions are arbitrary, but deterministic. */
let attributeClassifier: TrainedAttributeClassifier;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-inspection-"));
  await prepare(birds({ species: 16, imagesPerSpecies: 9, size: 64 }), {
    out: join(folder, "data"),
    size: 64,
  });
  data = openPrepared(join(folder, "data"));
  manualSeed(1);
  const network = makeAttributeClassifier(data.attributes!, 4);
  network.requiresGrad(false).eval();
  attributeClassifier = { network, attributes: data.attributes! };
});
afterAll(() => {
  data.close();
  rmSync(folder, { recursive: true });
});

const image = (split: "train" | "test", place: number) => realImage(data, split, place);

/** Probabilities that the attribute classifier predicts for one image, per attribute. */
function probabilities(split: "train" | "test", place: number): number[][] {
  const { pixels, size } = image(split, place);
  return scope(() => {
    const image = imagesOf({ pixels, size, lengths: Int32Array.of(1) }, { device: "cpu", dtype: "float32" });
    return noGrad(() =>
      attributeClassifier.network.forward(image).map((logits) => logits.softmax(1).toNumbers()),
    );
  });
}

it("finds the image itself and the requested number of images, nearest first", () => {
  const { length } = data.splits.train.images;
  expect(length).toBeGreaterThan(64); // more than one batch
  const places = [0, 70, length - 1];
  const found = nearestReal(
    attributeClassifier,
    data,
    places.map((place) => image("train", place)),
    { count: 5, size: data.size },
  );
  expect(found.map(([first]) => first!.image)).toEqual(places);
  for (const own of found) {
    expect(own).toHaveLength(5);
    expect(own[0]!.distance).toBeLessThan(0.01 * own[1]!.distance);
    expect(own.map(({ distance }) => distance)).toEqual(
      own.map(({ distance }) => distance).toSorted((a, b) => a - b),
    );
  }
  // Independent of the other images of the query, and symmetric.
  const [alone] = nearestReal(attributeClassifier, data, [image("train", 70)], { count: 5, size: data.size });
  expect(alone!.map(({ image }) => image)).toEqual(found[1]!.map(({ image }) => image));
  const all = nearestReal(attributeClassifier, data, [image("train", 0)], {
    count: length,
    size: data.size,
  })[0]!;
  const back = nearestReal(attributeClassifier, data, [image("train", all[3]!.image)], {
    count: length,
    size: data.size,
  })[0]!;
  expect(all).toHaveLength(length);
  expect(back.find(({ image }) => image === 0)!.distance).toBeCloseTo(all[3]!.distance, 3);
});

it("reports named attributes that the attribute classifier does not predict, least likely first", () => {
  const choices = Array.from({ length: 12 }, (_, i) => ({ image: i, caption: i % 10 }));
  const found = disagreements(
    attributeClassifier,
    data,
    choices.map((choice) => image("test", choice.image)),
    choices,
  );
  const named = choices.filter(
    ({ image, caption }) => data.splits.test.images.at(image).captions[caption]!.names!.length > 0,
  );
  expect(found.map(({ index }) => index).sort((a, b) => a - b)).toEqual(named.map(({ image }) => image));
  const surprises = found.map(({ surprise }) => surprise);
  expect(surprises).toEqual(surprises.toSorted((a, b) => b - a));

  const attributes = Object.keys(data.attributes!);
  for (const { index, surprise, differences } of found) {
    const { attributes: truth, captions } = data.splits.test.images.at(index);
    const predicted = probabilities("test", index);
    const names = captions[choices[index]!.caption]!.names!;
    const logs = names.map((name) => -Math.log(predicted[attributes.indexOf(name)]![truth![name]!]!));
    expect(surprise).toBeCloseTo(logs.reduce((sum, log) => sum + log, 0) / names.length, 4);
    const wrong = names.flatMap((name) => {
      const own = predicted[attributes.indexOf(name)]!;
      const [expected, best] = [truth![name]!, own.indexOf(Math.max(...own))];
      const values = data.attributes![name]!;
      return expected === best
        ? []
        : [{ attribute: name, expected: values[expected]!, predicted: values[best]! }];
    });
    expect(differences).toEqual(wrong);
  }
});
