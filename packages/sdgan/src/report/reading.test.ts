import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { manualSeed, noGrad, scope } from "@sdgan/torch";
import { afterAll, beforeAll, expect, it } from "vitest";
import { birds } from "../data/birds/index.js";
import { prepare } from "../data/prepare.js";
import { openPrepared, type Prepared } from "../data/prepared.js";
import type { TrainedReader } from "../evaluation/networks/reader.js";
import { makeReader } from "../training/reader-trainee.js";
import { imagesOf } from "../training/tensors.js";
import { disagreements, nearestReal, realPicture } from "./reading.js";

let folder: string;
let data: Prepared;
/** Not trained: what it sees is arbitrary, but always the same. */
let reader: TrainedReader;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-reading-"));
  await prepare(birds({ species: 16, picturesPerSpecies: 9, size: 64 }), {
    out: join(folder, "data"),
    size: 64,
  });
  data = openPrepared(join(folder, "data"));
  manualSeed(1);
  const network = makeReader(data.attributes!, 4);
  network.requiresGrad(false).eval();
  reader = { network, attributes: data.attributes! };
});
afterAll(() => {
  data.close();
  rmSync(folder, { recursive: true });
});

const picture = (split: "train" | "test", place: number) => realPicture(data, split, place);

/** What the reader says of one picture: its probabilities by attribute. */
function probabilities(split: "train" | "test", place: number): number[][] {
  const { pixels, size } = picture(split, place);
  return scope(() => {
    const image = imagesOf({ pixels, size, lengths: Int32Array.of(1) }, { device: "cpu", dtype: "float32" });
    return noGrad(() => reader.network.forward(image).map((logits) => logits.softmax(1).toNumbers()));
  });
}

it("finds the picture itself, and as many others as are asked for, the nearest first", () => {
  const { length } = data.splits.train.pictures;
  expect(length).toBeGreaterThan(64); // more than one batch
  const places = [0, 70, length - 1];
  const found = nearestReal(
    reader,
    data,
    places.map((place) => picture("train", place)),
    { count: 5, size: data.size },
  );
  expect(found.map(([first]) => first!.picture)).toEqual(places);
  for (const own of found) {
    expect(own).toHaveLength(5);
    expect(own[0]!.distance).toBeLessThan(0.01 * own[1]!.distance);
    expect(own.map(({ distance }) => distance)).toEqual(
      own.map(({ distance }) => distance).toSorted((a, b) => a - b),
    );
  }
  // The same whatever else is asked for, and from both sides.
  const [alone] = nearestReal(reader, data, [picture("train", 70)], { count: 5, size: data.size });
  expect(alone!.map(({ picture }) => picture)).toEqual(found[1]!.map(({ picture }) => picture));
  const all = nearestReal(reader, data, [picture("train", 0)], { count: length, size: data.size })[0]!;
  const back = nearestReal(reader, data, [picture("train", all[3]!.picture)], {
    count: length,
    size: data.size,
  })[0]!;
  expect(all).toHaveLength(length);
  expect(back.find(({ picture }) => picture === 0)!.distance).toBeCloseTo(all[3]!.distance, 3);
});

it("tells what a caption names and the reader does not see, the least likely first", () => {
  const choices = Array.from({ length: 12 }, (_, i) => ({ picture: i, caption: i % 10 }));
  const found = disagreements(
    reader,
    data,
    choices.map((choice) => picture("test", choice.picture)),
    choices,
  );
  const named = choices.filter(
    ({ picture, caption }) => data.splits.test.pictures.at(picture).captions[caption]!.names!.length > 0,
  );
  expect(found.map(({ index }) => index).sort((a, b) => a - b)).toEqual(named.map(({ picture }) => picture));
  const surprises = found.map(({ surprise }) => surprise);
  expect(surprises).toEqual(surprises.toSorted((a, b) => b - a));

  const attributes = Object.keys(data.attributes!);
  for (const { index, surprise, differences } of found) {
    const { attributes: truth, captions } = data.splits.test.pictures.at(index);
    const seen = probabilities("test", index);
    const names = captions[choices[index]!.caption]!.names!;
    const logs = names.map((name) => -Math.log(seen[attributes.indexOf(name)]![truth![name]!]!));
    expect(surprise).toBeCloseTo(logs.reduce((sum, log) => sum + log, 0) / names.length, 4);
    const wrong = names.flatMap((name) => {
      const own = seen[attributes.indexOf(name)]!;
      const [asked, best] = [truth![name]!, own.indexOf(Math.max(...own))];
      const values = data.attributes![name]!;
      return asked === best ? [] : [{ attribute: name, asked: values[asked]!, seen: values[best]! }];
    });
    expect(differences).toEqual(wrong);
  }
});
