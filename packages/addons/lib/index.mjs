/** Builds native addons at set-up into a per-user cache, with the tools for that: compilers, commands, locks, apt. */

export { addonFacts, addonPath, isInstalled, setupCommand } from "./addon-path.mjs";
export { aptInstall, THIS_PROCESS } from "./apt.mjs";
export { buildAddon } from "./build.mjs";
export { cacheFolder, cacheFolders } from "./cache.mjs";
export { run, runInTerminal, which } from "./command.mjs";
export { describe, Failure, printFailure, runAsProgram } from "./failure.mjs";
export { withLock } from "./lock.mjs";
export { isOlder } from "./version.mjs";

/** @typedef {import("./apt.mjs").Caller} Caller */
/** @typedef {import("./build.mjs").Addon} Addon */
/** @typedef {import("./build.mjs").Options} BuildOptions */
