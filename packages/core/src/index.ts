/** The code that all parts of sdgan share. It runs in Node and in browsers, without native code. */
export * from "./basics.js";
export * from "./config/config-fields.js";
export * from "./config/derived.js";
export * from "./config/resolve.js";
export * from "./config/schema.js";
export * from "./image-noise.js";
export * from "./model-manifest.js";
export * from "./png-text.js";
export * from "./text/caption.js";
export * from "./text/ignored.js";
export * from "./text/padded-tokens.js";
export * from "./text/vocabulary.js";
