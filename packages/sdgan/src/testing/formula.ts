/**
 * Evaluates the formulas by which golden files describe inputs, such as `1.3 cos(0.31 i + 0) + 0.2`, where
 * adjacent factors are multiplied. Tests therefore also work for files with other formulas and shapes.
 */
import { arange, call, isTensor, type Tensor } from "@sdgan/torch";

/** A float64 tensor, or a number for all elements. */
export type Value = Tensor | number;

/**
 * The value of a formula of sums, products, quotients, parentheses, sin, cos, exp and sqrt.
 *
 * @param variables by name; `shape[0]` is a valid name
 * @throws Error that names the formula and its unknown part
 */
export function formulaValue(formula: string, variables: Readonly<Record<string, Value>>): Value {
  const parser = new Parser(formula, variables);
  const value = parser.sum();
  parser.end();
  return value;
}

/** Like `formulaValue`, for a tensor of this shape. `i` is an element's index in C order. */
export function formulaTensor(
  formula: string,
  shape: readonly number[],
  variables: Readonly<Record<string, Value>> = {},
): Tensor {
  const count = shape.reduce((product, extent) => product * extent, 1);
  const i = arange(0, count, 1, { dtype: "float64" });
  const value = formulaValue(formula, { i, ...variables });
  return (isTensor(value) ? value : i.mul(0).add(value)).view(...shape);
}

/** Parses a shape such as "2,3,299,299". */
export function shapeOf(text: string): number[] {
  const shape = text.split(",").map(Number);
  if (shape.every((extent) => Number.isInteger(extent) && extent > 0)) return shape;
  throw new Error(`[${text}] is not a shape: expected positive integers separated by commas`);
}

const functions: Record<string, (x: number) => number> = {
  sin: Math.sin,
  cos: Math.cos,
  exp: Math.exp,
  sqrt: Math.sqrt,
};

const operations = {
  "+": (a: number, b: number) => a + b,
  "-": (a: number, b: number) => a - b,
  "*": (a: number, b: number) => a * b,
  "/": (a: number, b: number) => a / b,
};
const names = { "+": "add", "-": "sub", "*": "mul", "/": "div" } as const;

type Operator = keyof typeof operations;

const TOKEN = /\s*(\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|[A-Za-z_]\w*(?:\[\d+\])?|[-+*/()])\s*/y;

class Parser {
  readonly #tokens: string[] = [];
  #at = 0;

  constructor(
    readonly formula: string,
    readonly variables: Readonly<Record<string, Value>>,
  ) {
    TOKEN.lastIndex = 0;
    while (TOKEN.lastIndex < formula.length) {
      const at = TOKEN.lastIndex;
      const match = TOKEN.exec(formula);
      if (!match) throw this.#unknown(formula.slice(at));
      this.#tokens.push(match[1]!);
    }
  }

  sum(): Value {
    let value = this.#product();
    for (let next = this.#next; next === "+" || next === "-"; next = this.#next) {
      this.#at++;
      value = combine(next, value, this.#product());
    }
    return value;
  }

  end(): void {
    if (this.#next !== undefined) throw this.#unknown(this.#next);
  }

  #product(): Value {
    let value = this.#factor();
    for (let next = this.#next; next !== undefined && /^[\w*/(]/.test(next); next = this.#next) {
      const operator: Operator = next === "*" || next === "/" ? next : "*";
      if (operator === next) this.#at++;
      value = combine(operator, value, this.#factor());
    }
    return value;
  }

  #factor(): Value {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw this.#unknown("its end");
    if (token === "-") return combine("*", -1, this.#factor());
    if (token === "(") return this.#closed();
    if (/^\d/.test(token)) return Number(token);
    const apply = functions[token];
    if (apply && this.#next === "(") {
      this.#at++;
      const inner = this.#closed();
      return isTensor(inner) ? call<Tensor>(token, inner) : apply(inner);
    }
    const value = this.variables[token];
    if (value === undefined) throw this.#unknown(token);
    return value;
  }

  /** The rest of an opened parenthesis. */
  #closed(): Value {
    const value = this.sum();
    const token = this.#tokens[this.#at++];
    if (token !== ")") throw this.#unknown(token ?? "its end");
    return value;
  }

  get #next(): string | undefined {
    return this.#tokens[this.#at];
  }

  #unknown(what: string): Error {
    const known = [...Object.keys(functions), ...Object.keys(this.variables)].join(", ");
    return new Error(
      `the formula "${this.formula}" cannot be parsed at ${what}: expected numbers, + - * / ( ), ${known}`,
    );
  }
}

function combine(operator: Operator, a: Value, b: Value): Value {
  if (isTensor(a)) return a[names[operator]](b);
  if (!isTensor(b)) return operations[operator](a, b);
  switch (operator) {
    case "+":
      return b.add(a);
    case "-":
      return b.mul(-1).add(a);
    case "*":
      return b.mul(a);
    case "/":
      return b.pow(-1).mul(a);
  }
}
