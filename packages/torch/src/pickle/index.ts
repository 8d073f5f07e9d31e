/** Reads pickles without running the functions that they name. Works without libtorch. */
export { PickleEnd, PickleError } from "./errors.js";
export { Global, type Globals } from "./globals.js";
export { type PickleOptions, readPickle, readPickleAt } from "./reader.js";
