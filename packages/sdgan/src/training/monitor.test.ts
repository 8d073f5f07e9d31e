import { beforeEach, describe, expect, it } from "vitest";
import { TrainingMonitor } from "./monitor.js";

let said: string[];
let monitor: TrainingMonitor;
beforeEach(() => {
  said = [];
  monitor = new TrainingMonitor((line) => said.push(line));
});

describe("a discriminator that is certain of every image", () => {
  const losses = (loss: number) => ({
    "discriminator/stage1/adversarial": 0.7,
    "discriminator/stage2/adversarial": loss,
    kl: 0,
  });

  it("is reported once, after many steps, with advice", () => {
    for (let step = 10; step <= 1000; step += 10) monitor.losses(step, losses(0.01));
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(
      /^step 210: the loss discriminator\/stage2\/adversarial has been below 0\.02 for 200 steps.*discriminator/,
    );
  });

  it("is not reported if its loss rises now and then, and reported again after that", () => {
    for (let step = 10; step <= 1000; step += 10) monitor.losses(step, losses(step % 150 === 0 ? 0.5 : 0.01));
    expect(said).toEqual([]);
    for (let step = 1010; step <= 2000; step += 10) monitor.losses(step, losses(step === 1500 ? 0.5 : 0.01));
    expect(said).toHaveLength(2);
  });
});

describe("an evaluation's figures", () => {
  const name = "attributeClassifier/frechetDistance";
  const best = { step: 100, value: 10 };
  const good = { [name]: 11, "attributeClassifier/variety": 0.8, "attributeClassifier/noiseDiversity": 0.4 };

  it("cause no warning in a good run", () => {
    for (let step = 100; step < 500; step += 100) monitor.figures(step, good, { name, best });
    expect(said).toEqual([]);
  });

  it("cause a warning if images become alike for all captions or all noise", () => {
    monitor.figures(
      200,
      { ...good, "attributeClassifier/variety": 0.05, "attributeClassifier/noiseDiversity": 0.01 },
      { name, best },
    );
    expect(said).toHaveLength(2);
    expect(said[0]).toMatch(
      /^step 200: attributeClassifier\/variety is 0\.050: images of different captions look alike\. Try/,
    );
    expect(said[1]).toMatch(/under different noise look alike/);
  });

  it("cause a warning if the distance is worse twice in a row, with the checkpoint that is kept", () => {
    for (const [step, distance] of [
      [200, 30],
      [300, 12],
      [400, 30],
    ] as const)
      monitor.figures(step, { ...good, [name]: distance }, { name, best });
    expect(said).toEqual([]);
    monitor.figures(500, { ...good, [name]: 40 }, { name, best });
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(
      /^step 500: attributeClassifier\/frechetDistance is 40\.0, and was 10\.0 at step 100/,
    );
  });
});

describe("discriminators' answers for validation images", () => {
  const answers = (train: number, val: number, fake: number) => ({
    ...{ "overfitting/stage2/train": train, "overfitting/stage2/val": val, "overfitting/stage2/fake": fake },
    "overfitting/stage2/ratio": (train - val) / (train - fake),
  });

  it("cause a warning if they are like those for generated images, twice in a row", () => {
    monitor.overfitting(100, answers(3, -1, -2));
    monitor.overfitting(200, answers(3, 2, -2));
    monitor.overfitting(300, answers(3, -1, -2));
    expect(said).toEqual([]);
    for (let step = 400; step < 800; step += 100) monitor.overfitting(step, answers(3, -1, -2));
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(
      /^step 400: overfitting\/stage2\/ratio is 0\.80: .*3\.00 for training images, -1\.00 for validation images and -2\.00 for generated ones.*augment\.policy/,
    );
  });

  it("cause no warning if they are like those for training images, or all answers are alike", () => {
    for (let step = 100; step < 500; step += 100) monitor.overfitting(step, answers(3, 1, -2));
    for (let step = 500; step < 900; step += 100) monitor.overfitting(step, answers(0.2, -0.3, -0.4));
    expect(said).toEqual([]);
  });
});

describe("other programs on the machine", () => {
  const two = { cores: 2, threads: 2 };

  it("are reported once, with the number of threads to resume with", () => {
    for (let step = 100; step <= 300; step += 100) monitor.machine(step, { ...two, others: 0.94 });
    expect(said).toEqual([
      "step 100: other programs keep 0.9 of the 2 cores busy, and each step waits for the slowest of its 2 threads. " +
        "If they cannot be stopped, stop this training and resume with --threads 1",
    ]);
    new TrainingMonitor((line) => said.push(line)).machine(1, { cores: 16, threads: 16, others: 2.5 });
    expect(said[1]).toMatch(/--threads 13$/);
  });

  it("are not reported if there are enough cores, or with one thread, which waits for no other", () => {
    monitor.machine(100, { ...two, others: 0.2 });
    monitor.machine(200, { cores: 8, threads: 4, others: 4 });
    monitor.machine(300, { cores: 2, threads: 1, others: 2 });
    monitor.machine(400, { cores: 2, threads: 4, others: 0 }); // Too many own threads, without other load.
    expect(said).toEqual([]);
  });
});
