/** Detects problems of a training, such as mode collapse, and warns with advice. */
import type { Best } from "../run/best-figure.js";

/** Warns of each problem once, and again only if it has disappeared in between. */
export class TrainingMonitor {
  readonly #warn: (line: string) => void;
  readonly #reported = new Set<string>();
  /** The step since which each discriminator has been certain of every image. */
  readonly #certainSince = new Map<string, number>();
  #worse = 0;
  /** How many times in a row each discriminator has been seen to memorize. */
  readonly #memorizing = new Map<string, number>();

  constructor(warn: (line: string) => void) {
    this.#warn = warn;
  }

  /** @param losses the losses of `step` */
  losses(step: number, losses: Record<string, number>): void {
    for (const [name, loss] of Object.entries(losses)) {
      if (!/^discriminator\/.*\/adversarial$/.test(name)) continue;
      if (loss >= certainLoss) this.#certainSince.delete(name);
      else if (!this.#certainSince.has(name)) this.#certainSince.set(name, step);
      const steps = step - (this.#certainSince.get(name) ?? step);
      this.#report(
        name,
        steps >= certainSteps,
        `step ${step}: the loss ${name} has been below ${certainLoss} for ${steps} steps: the discriminator is certain of ` +
          "every image, so the generator learns nothing from it. " +
          "Try a smaller training.learningRate.discriminator, or a larger training.learningRate.generator",
      );
    }
  }

  /**
   * @param figures as returned by `Evaluator.measure`
   * @param best the best value of the figure `name`, including the present one
   */
  figures(
    step: number,
    figures: Record<string, number>,
    { name, best }: { name: string; best: Best | undefined },
  ): void {
    for (const [figure, value] of Object.entries(figures)) {
      const [, limit, what] = collapses.find(([ending]) => figure.endsWith(ending)) ?? [];
      if (limit !== undefined)
        this.#report(
          figure,
          value < limit,
          `step ${step}: ${figure} is ${value.toPrecision(2)}: ${what}. Try a smaller training.learningRate.generator, a ` +
            "smaller training.damsmWeight or contrastive.weight, or a larger training.batch",
        );
    }
    const distance = name.endsWith("/frechetDistance") ? figures[name] : undefined;
    if (distance === undefined || best === undefined) return;
    this.#worse = distance > worseBy * best.value ? this.#worse + 1 : 0;
    this.#report(
      name,
      this.#worse > 1,
      `step ${step}: ${name} is ${distance.toPrecision(3)}, and was ${best.value.toPrecision(3)} at step ${best.step}: ` +
        "the model is getting worse. The best checkpoint is kept; try smaller learning rates in another run",
    );
  }

  /** @param figures as returned by `measureOverfitting` */
  overfitting(step: number, figures: Record<string, number>): void {
    for (const [name, ratio] of Object.entries(figures)) {
      const prefix = /^(overfitting\/.*)\/ratio$/.exec(name)?.[1];
      if (prefix === undefined) continue;
      const [train, val, fake] = ["train", "val", "fake"].map((of) => figures[`${prefix}/${of}`]!) as [
        number,
        number,
        number,
      ];
      const isMemorizing = ratio > memorizedRatio && train - fake > memorizedGap;
      const times = isMemorizing ? (this.#memorizing.get(name) ?? 0) + 1 : 0;
      this.#memorizing.set(name, times);
      this.#report(
        name,
        times > 1,
        `step ${step}: ${name} is ${ratio.toFixed(2)}: the discriminator's mean answer is ${train.toFixed(2)} for training ` +
          `images, ${val.toFixed(2)} for validation images and ${fake.toFixed(2)} for generated ones, so it has memorized ` +
          "training images. In another run, try --set 'augment.policy=[translation,cutout]', a smaller discriminator.width, " +
          "fewer steps, or more images",
      );
    }
  }

  /**
   * Warns of other programs that use the cores: a step waits for its slowest thread.
   *
   * @param others number of cores, out of `cores`, that other programs keep busy
   */
  machine(
    step: number,
    { cores, threads, others }: { cores: number; threads: number; others: number },
  ): void {
    if (threads < 2 || others < crowded || threads + others < cores + crowded) return; // Never cleared, so the warning is given once.
    this.#report(
      "machine",
      true,
      `step ${step}: other programs keep ${others.toFixed(1)} of the ${cores} cores busy, and each step waits for the slowest ` +
        `of its ${threads} threads. If they cannot be stopped, stop this training and resume with --threads ${Math.max(1, Math.floor(cores - others))}`,
    );
  }

  #report(problem: string, isPresent: boolean, line: string): void {
    if (!isPresent) this.#reported.delete(problem);
    else if (!this.#reported.has(problem)) {
      this.#reported.add(problem);
      this.#warn(line);
    }
  }
}

/** A discriminator whose L_D stays below this loss for this many steps is certain of every image; L_D is 1.4 at chance. */
const [certainLoss, certainSteps] = [0.02, 200];

/**
 * A discriminator has memorized training images if its answers for validation images are nearer to those for generated
 * ones, twice in a row. ADA keeps this ratio at 0.6 (Karras et al., 2020). Answers that differ by less are noise.
 */
const [memorizedRatio, memorizedGap] = [0.6, 1];

/** Figures, by the ending of their names, with the values below which images have become alike. */
const collapses: [ending: string, limit: number, what: string][] = [
  ["/variety", 0.1, "images of different captions look alike"],
  ["/noiseDiversity", 0.02, "images of one caption under different noise look alike"],
];

/** Load of other programs, and excess of demand over the number of cores, from which on fewer threads are faster. */
const crowded = 0.4;

/** Two distances in a row above this multiple of the best Fréchet distance are not due to chance. */
const worseBy = 1.5;
