/** Looks out for what makes a training not worth going on with, and says what to try. */
import type { Best } from "../run/best-figure.js";

/** A training's troubles, each told once, and again only after it had gone. */
export class TrainingMonitor {
  readonly #warn: (line: string) => void;
  readonly #told = new Set<string>();
  /** Since which step each discriminator has been sure of all. */
  readonly #sureSince = new Map<string, number>();
  #worse = 0;

  constructor(warn: (line: string) => void) {
    this.#warn = warn;
  }

  /** @param losses that were read after `step` */
  losses(step: number, losses: Record<string, number>): void {
    for (const [name, loss] of Object.entries(losses)) {
      if (!/^discriminator\/.*\/adversarial$/.test(name)) continue;
      if (loss >= sureLoss) this.#sureSince.delete(name);
      else if (!this.#sureSince.has(name)) this.#sureSince.set(name, step);
      const steps = step - (this.#sureSince.get(name) ?? step);
      this.#tell(
        name,
        steps >= sureSteps,
        `step ${step}: the loss ${name} has been below ${sureLoss} for ${steps} steps: the discriminator is sure of every ` +
          "image, and the generator learns nothing from it. " +
          "Try a smaller training.learningRate.discriminator, or a larger training.learningRate.generator",
      );
    }
  }

  /**
   * @param figures as `Gauge.measure` gives them
   * @param best of the figure `name`, the present one included
   */
  figures(
    step: number,
    figures: Record<string, number>,
    { name, best }: { name: string; best: Best | undefined },
  ): void {
    for (const [figure, value] of Object.entries(figures)) {
      const [, limit, what] = collapses.find(([ending]) => figure.endsWith(ending)) ?? [];
      if (limit !== undefined)
        this.#tell(
          figure,
          value < limit,
          `step ${step}: ${figure} is ${value.toPrecision(2)}: ${what}. Try a smaller training.learningRate.generator, a ` +
            "smaller training.damsmWeight or contrastive.weight, or a larger training.batch",
        );
    }
    const distance = name.endsWith("/frechetDistance") ? figures[name] : undefined;
    if (distance === undefined || best === undefined) return;
    this.#worse = distance > worseBy * best.value ? this.#worse + 1 : 0;
    this.#tell(
      name,
      this.#worse > 1,
      `step ${step}: ${name} is ${distance.toPrecision(3)}, and was ${best.value.toPrecision(3)} at step ${best.step}: ` +
        "training gets worse. The best checkpoint is kept; try smaller learning rates from here on in another run",
    );
  }

  /**
   * A step waits for the slowest of its threads, and so for whatever shares a core with one of them.
   *
   * @param others cores that other programs keep busy, of `cores`
   */
  machine(
    step: number,
    { cores, threads, others }: { cores: number; threads: number; others: number },
  ): void {
    if (threads < 2 || others < crowded || threads + others < cores + crowded) return; // Told once: others come and go.
    this.#tell(
      "machine",
      true,
      `step ${step}: other programs keep ${others.toFixed(1)} of the ${cores} cores busy, and each step waits for the slowest ` +
        `of its ${threads} threads. If they cannot be ended, stop and go on with --threads ${Math.max(1, Math.floor(cores - others))}`,
    );
  }

  #tell(trouble: string, isThere: boolean, line: string): void {
    if (!isThere) this.#told.delete(trouble);
    else if (!this.#told.has(trouble)) {
      this.#told.add(trouble);
      this.#warn(line);
    }
  }
}

/** L_D of a discriminator that is hardly ever in doubt; at chance it is 1.4. For so many steps it is no accident. */
const [sureLoss, sureSteps] = [0.02, 200];

/** Figures below which images have become alike. */
const collapses: [ending: string, limit: number, what: string][] = [
  ["/variety", 0.1, "images of different captions look alike"],
  ["/noiseDiversity", 0.02, "images of one caption under different noise look alike"],
];

/** Cores that others take, and that are wanted beyond those there are, from which on fewer threads are faster. */
const crowded = 0.4;

/** How many times the best Fréchet distance is worse by more than chance, seen twice in a row. */
const worseBy = 1.5;
