/** Layers and what they are made of. */
export * as init from "./init.js";
export * from "./layers.js";
export { BidirectionalLstm, type LstmOutput } from "./lstm.js";
export { Lambda, type Layer, Module, Sequential } from "./module.js";
export * as utils from "./utils.js";
