/** libtorch for Node. */
export * from "./autograd.js";
export * from "./creation.js";
export { call, schema } from "./dispatch.js";
export * from "./dtype.js";
export * as functional from "./functional.js";
export * as nn from "./nn/index.js";
export * as optim from "./optim/index.js";
export { processorHasBfloat16 } from "./processor.js";
export * from "./products.js";
export { type OperatorTime, profile } from "./profiler.js";
export { loadPytorch } from "./pytorch/load.js";
export { type NamedTensor, stateDictOf, tensorsIn } from "./pytorch/state-dict.js";
export { Generator, manualSeed } from "./random.js";
export * from "./runtime.js";
export { loadSafetensors, saveSafetensors } from "./safetensors.js";
export { keep, scope } from "./scope.js";
export {
  type BackwardOptions,
  type Index,
  isTensor,
  type Operand,
  type Slice,
  slice,
  Tensor,
} from "./tensor.js";
