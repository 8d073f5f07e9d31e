/** What every part of sdgan shares, and what runs anywhere: no Node, no native code. */
export * from "./config/presets.js";
export * from "./config/resolve.js";
export * from "./config/schema.js";
export * from "./errors.js";
export * from "./model-manifest.js";
export * from "./noise.js";
export * from "./random.js";
export * from "./text/caption.js";
export * from "./text/escape.js";
export * from "./text/nearest.js";
export * from "./text/tokenizers.js";
export * from "./text/vocabulary.js";
