import { Random, UserError } from "@sdgan/core";

/** What goes on from one batch to the next: JSON, for checkpoints. */
export interface LoaderState {
  seed: number;
  /** Images in the split: a state fits only data of as many. */
  images: number;
  epoch: number;
  /** Images of this epoch that were given out. */
  position: number;
  random: [number, number, number, number];
}

/**
 * What the loaders decide with: an endless order of images, each epoch another permutation, and a stream of random
 * numbers for everything else. The permutation comes from seed and epoch alone, so the state stays small.
 */
export class EpochOrder {
  readonly random: Random;
  readonly #images: number;
  #seed: number;
  #epoch = 0;
  #position = 0;
  #permutation: number[];

  /** Throws a `UserError` where there is no image. `label` parts the streams of different loaders of one seed. */
  constructor(images: number, seed: number, label: string) {
    if (images === 0)
      throw new UserError("The data has no image to train on: prepare it again with some.", {
        code: "data.invalid",
      });
    this.#images = images;
    this.#seed = seed;
    this.random = new Random(seed, label);
    this.#permutation = this.#permute();
  }

  /** The next image. After the last of an epoch comes the first of the next. */
  next(): number {
    if (this.#position === this.#images) {
      this.#epoch++;
      this.#position = 0;
      this.#permutation = this.#permute();
    }
    return this.#permutation[this.#position++]!;
  }

  /** Epochs that have begun, less one. */
  get epoch(): number {
    return this.#epoch;
  }

  state(): LoaderState {
    return {
      seed: this.#seed,
      images: this.#images,
      epoch: this.#epoch,
      position: this.#position,
      random: this.random.state,
    };
  }

  /** Goes on where `state` was taken. Throws a `UserError` when that was with other data. */
  restore({ seed, images, epoch, position, random }: LoaderState): void {
    if (images !== this.#images) {
      throw new UserError(
        `The run was made with data of ${images} images, and this has ${this.#images}: ` +
          "go on with the same prepared folder, or begin another run.",
        { code: "data.mismatch" },
      );
    }
    this.#seed = seed;
    this.#epoch = epoch;
    this.#position = position;
    this.#permutation = this.#permute();
    this.random.state = random;
  }

  #permute(): number[] {
    const all = Array.from({ length: this.#images }, (_, i) => i);
    return new Random(this.#seed, "order", this.#epoch).shuffled(all);
  }
}
