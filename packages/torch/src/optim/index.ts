/** Training of parameters. */
export { Adam, type AdamOptions, AdamW } from "./adam.js";
export { clipGradNorm } from "./clip.js";
export * as lrScheduler from "./lr-scheduler.js";
export { Optimizer, type Parameters, type Trained } from "./optimizer.js";
export { SGD, type SgdOptions } from "./sgd.js";
