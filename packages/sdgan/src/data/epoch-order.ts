import { Random, UserError } from "@sdgan/core";

/** A loader's state between two batches, as JSON for checkpoints. */
export interface LoaderState {
  seed: number;
  /** Images in the split. A state can only be restored for data with the same number. */
  images: number;
  epoch: number;
  /** Images of this epoch that were returned. */
  position: number;
  random: [number, number, number, number];
}

/**
 * The random choices of the loaders: an endless order of images, with another permutation in each epoch, and
 * a stream of random numbers for everything else. The permutation depends only on seed and epoch, so the
 * state is small.
 */
export class EpochOrder {
  readonly random: Random;
  readonly #images: number;
  #seed: number;
  #epoch = 0;
  #position = 0;
  #permutation: number[];

  /** Throws a `UserError` if there are no images. `label` separates the random streams of loaders. */
  constructor(images: number, seed: number, label: string) {
    if (images === 0)
      throw new UserError("The data has no training images. Prepare data with training images.", {
        code: "data.invalid",
      });
    this.#images = images;
    this.#seed = seed;
    this.random = new Random(seed, label);
    this.#permutation = this.#permute();
  }

  /** The index of the next image. The last one of an epoch is followed by the first one of the next epoch. */
  next(): number {
    if (this.#position === this.#images) {
      this.#epoch++;
      this.#position = 0;
      this.#permutation = this.#permute();
    }
    return this.#permutation[this.#position++]!;
  }

  /** Epochs begun, minus one. */
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

  /** Continues from a saved state. Throws a `UserError` if it is of data with another number of images. */
  restore({ seed, images, epoch, position, random }: LoaderState): void {
    if (images !== this.#images) {
      throw new UserError(
        `The run was trained on data with ${images} images; this data has ${this.#images}. ` +
          "Resume with the same prepared folder, or start another run.",
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
