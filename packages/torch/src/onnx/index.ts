/** `@sdgan/torch/onnx`: exports networks to ONNX. */
export { OnnxExportError } from "./errors.js";
export { type Exportable, exportOnnx, type OnnxOptions } from "./export.js";
export { type DecodedModel, decodeModel } from "./format.js";
export type { WeightPrecision } from "./weights.js";
