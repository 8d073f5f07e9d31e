import { UserError } from "@sdgan/core";
import { libtorchIsLoaded, tuneProcess } from "@sdgan/torch/host";

/**
 * Imports modules that need libtorch, into a process that is set up for it. Where it cannot be loaded, that is one line
 * with the remedy.
 * @param threads to compute with, by default one a core
 */
export async function withTorch<Module>(load: () => Promise<Module>, threads?: number): Promise<Module> {
  try {
    if (!libtorchIsLoaded()) tuneProcess({ ...(threads && { threads }) });
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
