/**
 * A tensor as text, by the rules of PyTorch's `torch/_tensor_str.py`: four digits after the point, one form of number
 * for the whole tensor, whole floats with a point and no digits after it, and only the edges of what is large.
 */
import { call } from "../dispatch.js";
import { native } from "../native.js";
import { scope } from "../scope.js";

interface Printable {
  readonly shape: number[];
  readonly dtype: string;
  readonly device: string;
  readonly requiresGrad: boolean;
  toArray(): ArrayLike<number | bigint>;
}

/** Tensors of more elements are shown by the first and last three of every dimension. */
const MOST_ELEMENTS = 1000;
const EDGE = 3;
const DIGITS = 4;
const LINE = 80;
const OPENING = "tensor(";

/** `tensor([[1., 2.], …], shape=[2, 2], dtype=float32)`; never throws, so that `console.log` does not. */
export function printed(tensor: Printable, depth = 0): string {
  try {
    if (depth < 0) return `[${tensor}]`;
    return native.isDisposed(tensor) ? String(tensor) : whole(tensor);
  } catch {
    // The prototype, and elements that JavaScript has no numbers for: complex, quantized and sparse ones.
    return nameOf(tensor);
  }
}

function nameOf(tensor: Printable): string {
  try {
    return String(tensor);
  } catch {
    return "Tensor {}";
  }
}

function whole(tensor: Printable): string {
  const { shape, dtype, device, requiresGrad } = tensor;
  const isLarge = shape.reduce((product, extent) => product * extent, 1) > MOST_ELEMENTS;
  const values = edgesOf(tensor, isLarge);
  const notes = [`shape=[${shape.join(", ")}]`, `dtype=${dtype}`];
  if (device !== "cpu") notes.push(`device=${device}`);
  if (requiresGrad) notes.push("requiresGrad=true");
  const { texts, width } = formatted(values, dtype);
  let at = 0;
  const next = () => texts[at++]!.padStart(width);
  const array = shape.includes(0) ? "[]" : nested(shape, { indent: OPENING.length, isLarge, width, next });
  return `${OPENING}${array}, ${notes.join(", ")})`;
}

/** Elements in row-major order; only the shown ones of a large tensor. Only these are copied from a GPU. */
function edgesOf(tensor: Printable, isLarge: boolean): ArrayLike<number | bigint> {
  if (!isLarge) return tensor.toArray();
  return scope(() =>
    native.withoutGrad(() => {
      let edges = tensor;
      for (const [dim, extent] of tensor.shape.entries()) {
        if (extent <= 2 * EDGE) continue;
        const first = call("narrow", edges, dim, 0, EDGE);
        const last = call("narrow", edges, dim, extent - EDGE, EDGE);
        edges = call<Printable>("cat", [first, last], dim);
      }
      return edges.toArray();
    }),
  );
}

interface Layout {
  indent: number;
  isLarge: boolean;
  /** The text of one element. */
  width: number;
  next: () => string;
}

function nested([extent, ...inner]: readonly number[], { indent, isLarge, width, next }: Layout): string {
  if (extent === undefined) return next();
  const isCut = isLarge && extent > 2 * EDGE;
  const items = Array.from({ length: isCut ? 2 * EDGE : extent }, () =>
    nested(inner, { indent: indent + 1, isLarge, width, next }),
  );
  const isVector = inner.length === 0;
  if (isCut) items.splice(EDGE, 0, isVector ? " ..." : "...");
  const margin = " ".repeat(indent + 1);
  if (!isVector) return `[${items.join(`,${"\n".repeat(inner.length)}${margin}`)}]`;
  const perLine = Math.max(1, Math.floor((LINE - indent) / (width + 2)));
  const lines: string[] = [];
  for (let i = 0; i < items.length; i += perLine) lines.push(items.slice(i, i + perLine).join(", "));
  return `[${lines.join(`,\n${margin}`)}]`;
}

/** Every element as text, in one number format for all, and the width that they are padded to. */
function formatted(values: ArrayLike<number | bigint>, dtype: string): { texts: string[]; width: number } {
  if (!/float/.test(dtype)) {
    const texts = Array.from(values, (value) => String(dtype === "bool" ? value !== 0 : value));
    return { texts, width: widest(texts) };
  }
  const numbers = Array.from(values, Number);
  const counted = numbers.filter((x) => Number.isFinite(x) && x !== 0);
  const form = formOf(counted);
  // As in PyTorch, zeros, infinities and NaN do not affect the width.
  const width = widest(counted.map(form));
  return {
    texts: numbers.map((x) =>
      Number.isFinite(x) ? form(x) : Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "-inf",
    ),
    width,
  };
}

function widest(texts: readonly string[]): number {
  return texts.reduce((most, text) => Math.max(most, text.length), 1);
}

/** The format of finite numbers, chosen by those that are not zero. */
function formOf(numbers: readonly number[]): (x: number) => string {
  let [least, most] = [Number.POSITIVE_INFINITY, 0];
  for (const x of numbers) [least, most] = [Math.min(least, Math.abs(x)), Math.max(most, Math.abs(x))];
  const allWhole = numbers.every(Number.isInteger);
  if (most / least > 1000 || most > 1e8 || (!allWhole && least < 1e-4)) return scientific;
  return allWhole ? (x) => `${fixed(x, 0)}.` : (x) => fixed(x, DIGITS);
}

function fixed(x: number, digits: number): string {
  return `${sign(x)}${halfToEven((more) => Math.abs(x).toFixed(digits + more))}`;
}

/** With at least two digits in the exponent: 1.5000e-05. */
function scientific(x: number): string {
  const size = Math.abs(x);
  const [, exponent] = size.toExponential(DIGITS).split("e") as [string, string];
  const mantissa = halfToEven((more) => size.toExponential(DIGITS + more).split("e")[0]!);
  return `${sign(x)}${mantissa}e${exponent.replace(/^([+-])(\d)$/, "$10$2")}`;
}

function sign(x: number): string {
  return x < 0 || Object.is(x, -0) ? "-" : "";
}

/** JavaScript rounds 0.03125 up to 0.0313, C and Python round a half to the even digit: 0.0312. */
function halfToEven(text: (more: number) => string): string {
  const more = 20;
  const long = text(more);
  const cut = long.slice(0, -more).replace(/\.$/, "");
  return /^50*$/.test(long.slice(-more)) && /[02468]$/.test(cut) ? cut : text(0);
}
