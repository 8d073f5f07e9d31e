/** Pickles, read without running anything that they ask for. Works without libtorch. */
export { PickleEnd, PickleError } from "./errors.js";
export { Global, type Globals } from "./globals.js";
export { type PickleOptions, readPickle, readPickleAt } from "./reader.js";
