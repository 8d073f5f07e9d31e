/** Operators on elements: arithmetic, functions of one number, comparison. */
import { call } from "../dispatch.js";
import { native } from "../native.js";
import { TensorBase } from "./base.js";

export abstract class ElementwiseTensor extends TensorBase {
  // Arithmetic.

  add(other: this | number, alpha = 1): this {
    return call(withOperand("add", other), this, other, alpha);
  }
  sub(other: this | number, alpha = 1): this {
    return call(withOperand("sub", other), this, other, alpha);
  }
  mul(other: this | number): this {
    return call(withOperand("mul", other), this, other);
  }
  div(other: this | number): this {
    return call(withOperand("div", other), this, other);
  }
  pow(exponent: this | number): this {
    return call(isTensor(exponent) ? "pow.Tensor_Tensor" : "pow.Tensor_Scalar", this, exponent);
  }
  /** The remainder, with the sign of `divisor`. */
  remainder(divisor: this | number): this {
    return call(withOperand("remainder", divisor), this, divisor);
  }
  add_(other: this | number, alpha = 1): this {
    return call(withOperand("add_", other), this, other, alpha);
  }
  sub_(other: this | number, alpha = 1): this {
    return call(withOperand("sub_", other), this, other, alpha);
  }
  mul_(other: this | number): this {
    return call(withOperand("mul_", other), this, other);
  }
  div_(other: this | number): this {
    return call(withOperand("div_", other), this, other);
  }
  /** this ← this + weight · (end − this). */
  lerp_(end: this, weight: number): this {
    return call("lerp_.Scalar", this, end, weight);
  }
  /** this ← this + value · a · b. */
  addcmul_(a: this, b: this, value = 1): this {
    return call("addcmul_", this, a, b, value);
  }
  /** this ← this + value · a / b. */
  addcdiv_(a: this, b: this, value = 1): this {
    return call("addcdiv_", this, a, b, value);
  }
  zero_(): this {
    return call("zero_", this);
  }
  fill_(value: number): this {
    return call("fill_.Scalar", this, value);
  }

  // Functions of one number.

  neg(): this {
    return call("neg", this);
  }
  exp(): this {
    return call("exp", this);
  }
  log(): this {
    return call("log", this);
  }
  sqrt(): this {
    return call("sqrt", this);
  }
  rsqrt(): this {
    return call("rsqrt", this);
  }
  reciprocal(): this {
    return call("reciprocal", this);
  }
  abs(): this {
    return call("abs", this);
  }
  sign(): this {
    return call("sign", this);
  }
  square(): this {
    return call("square", this);
  }
  sin(): this {
    return call("sin", this);
  }
  cos(): this {
    return call("cos", this);
  }
  tanh(): this {
    return call("tanh", this);
  }
  sigmoid(): this {
    return call("sigmoid", this);
  }
  relu(): this {
    return call("relu", this);
  }
  leakyRelu(slope = 0.01): this {
    return call("leaky_relu", this, slope);
  }
  leakyRelu_(slope = 0.01): this {
    return call("leaky_relu_", this, slope);
  }
  softplus(): this {
    return call("softplus", this);
  }
  round(): this {
    return call("round", this);
  }
  floor(): this {
    return call("floor", this);
  }
  ceil(): this {
    return call("ceil", this);
  }
  clamp(min?: number, max?: number): this {
    return call("clamp", this, min, max);
  }
  clamp_(min?: number, max?: number): this {
    return call("clamp_", this, min, max);
  }
  minimum(other: this): this {
    return call("minimum", this, other);
  }
  maximum(other: this): this {
    return call("maximum", this, other);
  }

  // Comparison. Results are bool.

  eq(other: this | number): this {
    return call(withOperand("eq", other), this, other);
  }
  ne(other: this | number): this {
    return call(withOperand("ne", other), this, other);
  }
  gt(other: this | number): this {
    return call(withOperand("gt", other), this, other);
  }
  ge(other: this | number): this {
    return call(withOperand("ge", other), this, other);
  }
  lt(other: this | number): this {
    return call(withOperand("lt", other), this, other);
  }
  le(other: this | number): this {
    return call(withOperand("le", other), this, other);
  }
  logicalNot(): this {
    return call("logical_not", this);
  }
  logicalAnd(other: this): this {
    return call("logical_and", this, other);
  }
  logicalOr(other: this): this {
    return call("logical_or", this, other);
  }
  isfinite(): this {
    return call("isfinite", this);
  }
  isnan(): this {
    return call("isnan", this);
  }
  /** True when shapes are equal and every element is. */
  equal(other: this): boolean {
    return call("equal", this, other);
  }
  /** True when |this − other| ≤ atol + rtol · |other| for every element. */
  allclose(other: this, { rtol = 1e-5, atol = 1e-8, equalNan = false } = {}): boolean {
    return call("allclose", this, other, rtol, atol, equalNan);
  }
  maskedFill(mask: this, value: number): this {
    return call("masked_fill.Scalar", this, mask, value);
  }
  maskedFill_(mask: this, value: number): this {
    return call("masked_fill_.Scalar", this, mask, value);
  }
}

/** The overload for the type of the second operand. */
function withOperand(name: string, operand: object | number): string {
  return isTensor(operand) ? `${name}.Tensor` : `${name}.Scalar`;
}

function isTensor(value: unknown): boolean {
  return value instanceof native.Tensor;
}
