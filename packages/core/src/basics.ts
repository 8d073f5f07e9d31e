/** The part of core without dependencies, also without zod. A command line imports it before it parses its arguments. */
export * from "./config/presets.js";
export * from "./errors.js";
export * from "./figures.js";
export * from "./impostors.js";
export * from "./noise.js";
export * from "./random.js";
export * from "./text/escape.js";
export * from "./text/nearest.js";
export * from "./text/tokenizers.js";
