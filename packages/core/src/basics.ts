/** The part of core that needs no package, zod neither: what a command line imports before it knows what is asked. */
export * from "./config/presets.js";
export * from "./errors.js";
export * from "./noise.js";
export * from "./random.js";
export * from "./text/escape.js";
export * from "./text/nearest.js";
export * from "./text/tokenizers.js";
