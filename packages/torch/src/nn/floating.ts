/** Layers compute in their input's dtype, so it must be a floating-point dtype. */
import { type DType, isFloating } from "../dtype.js";
import { isTensor, type Tensor } from "../tensor.js";

/**
 * The dtype of a layer's input. Weights cast to integers would be zeros, and so would the result.
 * @throws {TypeError} if it is not a floating-point dtype, or the input is not a tensor
 */
export function floatingDtype(layer: string, input: Tensor): DType {
  if (!isTensor(input)) throw new TypeError(`${layer}: expected a tensor for input`);
  const { dtype } = input;
  if (isFloating(dtype)) return dtype;
  throw new TypeError(
    `${layer}: expected an input of a floating-point dtype, found ${input}; convert it first: input.to("float32")`,
  );
}
