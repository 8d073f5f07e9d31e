/** Loads the addon's file, and with it libtorch and its thread library. They stay in the process until it ends. */
import { readFileSync } from "node:fs";
import type { Native } from "./addon-interface.js";
import { pathOfAddon, setup } from "./addon-path.js";

/** Shared by all copies of this package. */
const LOADED = Symbol.for("@sdgan/torch: libtorch is loaded");
const shared = globalThis as { [LOADED]?: boolean };

/** The processors that this thread could run on before libtorch was loaded; empty if the system does not report them. */
export const processors = processorsAllowed();

let addon: Native | undefined;

/**
 * The addon of this thread. The first call loads it; later calls return the same object. Copies of this package have
 * separate objects even if they share the file, because each extends the addon's `Tensor` class with its own methods.
 * @throws {Error} with the remedy if it is missing or does not fit
 */
export function loadAddon(): Native {
  if (addon) return addon;
  const path = pathOfAddon();
  const module = { exports: {} };
  try {
    process.dlopen(module, path);
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new Error(`libtorch's addon cannot be loaded from ${path} (${reason}). Run: ${setup}`);
  }
  shared[LOADED] = true;
  addon = module.exports as Native;
  return addon;
}

/** Whether libtorch is loaded in this process, also by another thread, another copy of this package or another package. */
export function libtorchIsLoaded(): boolean {
  return shared[LOADED] === true || /\/libtorch_cpu\.so/.test(textOf("/proc/self/maps"));
}

/** Linux lists them as `0-3,8`. */
function processorsAllowed(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(textOf("/proc/thread-self/status"))?.[1];
  if (list === undefined) return [];
  return list.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

/** "" if the file does not exist. */
function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
