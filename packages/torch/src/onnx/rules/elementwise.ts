/** Arithmetic, functions of one number, comparison and selection. */
import { isFloating } from "../../dtype.js";
import type { OperationReader, Rule } from "../lowering.js";

/** Both operands in the result's dtype; `alpha` is the factor of the second in additions. */
const arithmetic =
  (type: string, alphaAt?: number): Rule =>
  (op, to) => {
    const { dtype } = op.result();
    const alpha = alphaAt === undefined ? 1 : op.number(alphaAt, 1);
    const second = op.operand(1, dtype);
    const scaled = alpha === 1 ? second : to.node("Mul", [second, to.scalar(alpha, dtype)]);
    return to.node(type, [op.operand(0, dtype), scaled]);
  };

const comparison =
  (type: string, negate = false): Rule =>
  (op, to) => {
    const dtype = op.common === "bool" ? "int64" : op.common; // Not all runtimes compare bool.
    const result = to.node(type, [op.operand(0, dtype), op.operand(1, dtype)]);
    return negate ? to.node("Not", [result]) : result;
  };

const logical =
  (type: string): Rule =>
  (op, to) =>
    to.node(type, [op.name(0, "bool"), op.name(1, "bool")]);

/** A function of one number, in the result's dtype. */
const unary =
  (type: string): Rule =>
  (op, to) =>
    to.node(type, [op.name(0, op.result().dtype)]);

const chain =
  (...types: string[]): Rule =>
  (op, to) =>
    types.reduce((name, type) => to.node(type, [name]), op.name(0, op.result().dtype));

const constantOf = (op: OperationReader, value: number) => op.to.scalar(value, op.result().dtype);

/** x − ⌊x / y⌋ · y, and for whole numbers ONNX's `Mod`, which has the divisor's sign. */
const remainder: Rule = (op, to) => {
  const { dtype } = op.result();
  const [x, y] = [op.operand(0, dtype), op.operand(1, dtype)];
  if (!isFloating(dtype)) return to.node("Mod", [x, y]);
  return to.node("Sub", [x, to.node("Mul", [to.node("Floor", [to.node("Div", [x, y])]), y])]);
};

const clamp: Rule = (op, to) => {
  const { dtype } = op.result();
  const bound = (index: number) => (op.at(index) === undefined ? "" : op.operand(index, dtype));
  return to.node("Clip", [op.name(0, dtype), bound(1), bound(2)]);
};

const gelu: Rule = (op, to) => {
  const x = op.name(0);
  const half = to.node("Mul", [x, constantOf(op, 0.5)]);
  const bell =
    op.at(1) === "tanh"
      ? to.node("Tanh", [
          to.node("Mul", [
            to.node("Add", [
              x,
              to.node("Mul", [to.node("Mul", [to.node("Mul", [x, x]), x]), constantOf(op, 0.044715)]),
            ]),
            constantOf(op, Math.sqrt(2 / Math.PI)),
          ]),
        ])
      : to.node("Erf", [to.node("Mul", [x, constantOf(op, Math.SQRT1_2)])]);
  return to.node("Mul", [half, to.node("Add", [bell, constantOf(op, 1)])]);
};

export const elementwise: Record<string, Rule> = {
  "add.Tensor": arithmetic("Add", 2),
  "add.Scalar": arithmetic("Add", 2),
  "sub.Tensor": arithmetic("Sub", 2),
  "sub.Scalar": arithmetic("Sub", 2),
  "mul.Tensor": arithmetic("Mul"),
  "mul.Scalar": arithmetic("Mul"),
  "div.Tensor": arithmetic("Div"),
  "div.Scalar": arithmetic("Div"),
  "pow.Tensor_Scalar": arithmetic("Pow"),
  "pow.Tensor_Tensor": arithmetic("Pow"),
  "remainder.Tensor": remainder,
  "remainder.Scalar": remainder,
  minimum: arithmetic("Min"),
  maximum: arithmetic("Max"),
  neg: unary("Neg"),
  exp: unary("Exp"),
  log: unary("Log"),
  sqrt: unary("Sqrt"),
  rsqrt: chain("Sqrt", "Reciprocal"),
  reciprocal: unary("Reciprocal"),
  abs: unary("Abs"),
  sign: unary("Sign"),
  square: (op, to) => to.node("Mul", [op.name(0), op.name(0)]),
  sin: unary("Sin"),
  cos: unary("Cos"),
  tanh: unary("Tanh"),
  sigmoid: unary("Sigmoid"),
  relu: unary("Relu"),
  leaky_relu: (op, to) => to.node("LeakyRelu", [op.name(0)], { alpha: { float: op.number(1, 0.01) } }),
  softplus: unary("Softplus"),
  silu: (op, to) => to.node("Mul", [op.name(0), to.node("Sigmoid", [op.name(0)])]),
  gelu,
  round: unary("Round"),
  floor: unary("Floor"),
  ceil: unary("Ceil"),
  clamp,
  "eq.Tensor": comparison("Equal"),
  "eq.Scalar": comparison("Equal"),
  "ne.Tensor": comparison("Equal", true),
  "ne.Scalar": comparison("Equal", true),
  "gt.Tensor": comparison("Greater"),
  "gt.Scalar": comparison("Greater"),
  "ge.Tensor": comparison("GreaterOrEqual"),
  "ge.Scalar": comparison("GreaterOrEqual"),
  "lt.Tensor": comparison("Less"),
  "lt.Scalar": comparison("Less"),
  "le.Tensor": comparison("LessOrEqual"),
  "le.Scalar": comparison("LessOrEqual"),
  logical_not: (op, to) => to.node("Not", [op.name(0, "bool")]),
  logical_and: logical("And"),
  logical_or: logical("Or"),
  isnan: (op, to) => to.node("IsNaN", [op.name(0)]),
  isfinite: (op, to) =>
    to.node("Not", [to.node("Or", [to.node("IsNaN", [op.name(0)]), to.node("IsInf", [op.name(0)])])]),
  "masked_fill.Scalar": (op, to) =>
    to.node("Where", [op.name(1), op.operand(2, op.result().dtype), op.name(0)]),
  "where.self": (op, to) => {
    const { dtype } = op.result();
    return to.node("Where", [op.name(0, "bool"), op.name(1, dtype), op.name(2, dtype)]);
  },
};
