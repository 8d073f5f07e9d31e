/** The loaded addon. */
import { loadAddon } from "./addon.js";

export type { Native, NativeGenerator, NativeGpu } from "./addon-interface.js";

export const native = loadAddon();
