import { UserError } from "@sdgan/core/basics";
import { libtorchIsLoaded, tuneProcess } from "@sdgan/torch/host";

/**
 * Sets up the process for libtorch, then imports modules that need it.
 * @param threads to compute with; by default one per core
 * @throws UserError with the remedy if libtorch cannot be loaded
 */
export async function withTorch<Module>(load: () => Promise<Module>, threads?: number): Promise<Module> {
  try {
    if (!libtorchIsLoaded()) tuneProcess({ ...(threads && { threads }) });
    return await load();
  } catch (error) {
    if (error instanceof Error && error.message.includes("libtorch"))
      throw new UserError(`${error.message} (npx sdgan doctor prints details)`, {
        code: "device.unavailable",
        cause: error,
      });
    throw error;
  }
}
