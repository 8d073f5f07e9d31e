/** What every part of sdgan shares, and what runs anywhere: no Node, no native code. */
export * from "./basics.js";
export * from "./config/resolve.js";
export * from "./config/schema.js";
export * from "./model-manifest.js";
export * from "./text/caption.js";
export * from "./text/vocabulary.js";
