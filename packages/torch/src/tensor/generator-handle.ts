/** The native handle of a `Generator`. It is a separate module, because tensors and generators both import it. */
import type { NativeGenerator } from "../native.js";

/** The part of a `Generator` that does not depend on tensors. */
export abstract class GeneratorHandle {
  protected constructor(readonly native: NativeGenerator) {}
}

/** The native generator, or undefined for the default one. Throws a `TypeError` for anything else. */
export function handleOf(generator: GeneratorHandle | undefined): NativeGenerator | undefined {
  if (generator === undefined) return undefined;
  if (!(generator instanceof GeneratorHandle))
    throw new TypeError("expected a Generator, as from Generator.seeded(seed)");
  return generator.native;
}
