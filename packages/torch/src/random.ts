/** Streams of random numbers for tensors. */
import { type NativeGenerator, native } from "./native.js";
import { GeneratorHandle } from "./tensor/generator-handle.js";
import type { Tensor } from "./tensor.js";

export { handleOf } from "./tensor/generator-handle.js";

/** A stream of random numbers, with a state that can be saved. */
export class Generator extends GeneratorHandle {
  private constructor(native: NativeGenerator) {
    super(native);
  }

  /** A new stream with a seed. */
  static seeded(seed: number, device = "cpu"): Generator {
    return new Generator(native.generator(seed, device));
  }

  /** The stream that operators use by default; `manualSeed` restarts it. */
  static default(device = "cpu"): Generator {
    return new Generator(native.defaultGenerator(device));
  }

  /** The whole state, as a tensor of bytes. Setting it resumes the stream. */
  get state(): Tensor {
    return native.getGeneratorState(this.native) as Tensor;
  }

  set state(state: Tensor) {
    native.setGeneratorState(this.native, state);
  }
}

/** Seeds the default generators, which operators use by default. */
export function manualSeed(seed: number): void {
  native.manualSeed(seed);
}
