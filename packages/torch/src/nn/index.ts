/** Layers and their base classes. */
export { ConvTranspose2d, type ConvTranspose2dOptions } from "./conv-transpose.js";
export * as init from "./init.js";
export * from "./layers.js";
export { BidirectionalLstm, type LstmOutput } from "./lstm.js";
export { Lambda, type Layer, Module, Sequential } from "./module.js";
export { GroupNorm, LayerNorm } from "./normalization.js";
export { AdaptiveAvgPool2d, AvgPool2d, MaxPool2d } from "./pooling.js";
export * as utils from "./utils.js";
