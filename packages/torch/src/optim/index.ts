/** Training of parameters. */
export { Adam, type AdamOptions } from "./adam.js";
export { clipGradNorm } from "./clip.js";
