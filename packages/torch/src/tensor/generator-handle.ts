/** What operators take for a stream of random numbers: below tensors, so that both may know it. */
import type { NativeGenerator } from "../native.js";

/** The part of a `Generator` that knows no tensors. */
export abstract class GeneratorHandle {
  protected constructor(readonly native: NativeGenerator) {}
}

/** The native generator, or undefined for the default one. Throws a `TypeError` for what is no generator. */
export function handleOf(generator: GeneratorHandle | undefined): NativeGenerator | undefined {
  if (generator === undefined) return undefined;
  if (!(generator instanceof GeneratorHandle))
    throw new TypeError("expected a Generator, as from Generator.seeded(seed)");
  return generator.native;
}
