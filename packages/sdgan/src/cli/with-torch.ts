import { UserError } from "@sdgan/core/basics";

/**
 * Imports modules that need libtorch. Where it cannot be loaded, that is one line with the remedy.
 * @param threads to compute with, by default one a core; libtorch asks when it is loaded, so it is said before
 */
export async function withTorch<Module>(load: () => Promise<Module>, threads?: number): Promise<Module> {
  if (threads) process.env.OMP_NUM_THREADS = String(threads);
  try {
    return await load();
  } catch (error) {
    if (error instanceof Error && error.message.includes("libtorch"))
      throw new UserError(`${error.message} (npx sdgan doctor says more)`, {
        code: "device.unavailable",
        cause: error,
      });
    throw error;
  }
}
