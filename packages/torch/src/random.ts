/** Streams of random numbers for tensors. */
import { type NativeGenerator, native } from "./native.js";
import type { Tensor } from "./tensor.js";

/** A stream of random numbers, with a state that can be saved. */
export class Generator {
  private constructor(readonly native: NativeGenerator) {}

  /** A stream of its own, decided by its seed. */
  static seeded(seed: number, device = "cpu"): Generator {
    return new Generator(native.generator(seed, device));
  }

  /** The stream that operators use when they are given none; `manualSeed` starts it anew. */
  static default(device = "cpu"): Generator {
    return new Generator(native.defaultGenerator(device));
  }

  /** The whole state, as a tensor of bytes: set it to go on from there. */
  get state(): Tensor {
    return native.getGeneratorState(this.native) as Tensor;
  }

  set state(state: Tensor) {
    native.setGeneratorState(this.native, state);
  }
}

/** What operators take for a generator. */
export function handleOf(generator: Generator | undefined): NativeGenerator | undefined {
  if (generator === undefined) return undefined;
  if (!(generator instanceof Generator))
    throw new TypeError("expected a Generator, as from Generator.seeded(seed)");
  return generator.native;
}

/** Seeds the default generators, which operators use when they are given none. */
export function manualSeed(seed: number): void {
  native.manualSeed(seed);
}
