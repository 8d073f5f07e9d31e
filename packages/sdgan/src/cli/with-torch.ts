import { UserError } from "../errors.js";

/** Imports modules that need libtorch. Where it cannot be loaded, that is one line with the remedy. */
export async function withTorch<Module>(load: () => Promise<Module>): Promise<Module> {
  try {
    return await load();
  } catch (error) {
    if (error instanceof Error && error.message.includes("libtorch"))
      throw new UserError(`${error.message} (npx sdgan doctor says more)`, { cause: error });
    throw error;
  }
}
