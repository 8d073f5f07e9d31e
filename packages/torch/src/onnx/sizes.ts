/**
 * Sizes that depend on the dynamic axes. A forward pass is traced several times, with other sizes of the axes. A whole
 * number that differs between the traces is written in terms of them: factor · (product of axes) + offset.
 */

/** factor · axes[0] · axes[1] · … + offset, with the names of axes. */
export interface VariableSize {
  readonly factor: number;
  readonly axes: readonly string[];
  readonly offset: number;
}

export type Size = number | VariableSize;

/** The size of each dynamic axis in one trace. */
export type AxisSizes = ReadonlyMap<string, number>;

/** Number of traces that a size must agree with. Two determine factor and offset, the third is a check. */
export const TRACES = 3;

/**
 * Sizes of the axes for each trace, none smaller than `smallest`. Between the traces, every axis grows in another
 * proportion, so that a number which follows one axis follows no other.
 */
export function axisSizesOfTraces(smallest: AxisSizes): AxisSizes[] {
  const names = [...smallest.keys()];
  const first = [...smallest.values()].map((size) => Math.max(size, 2)); // 1 could be broadcast.
  return Array.from(
    { length: TRACES },
    (_, trace) =>
      new Map(names.map((name, i) => [name, first[i]! + [0, i + 1, names.length + 1][trace]!] as const)),
  );
}

/** The size with these values in the traces, or undefined if there is none of this form. */
export function fitSize(values: readonly number[], traces: readonly AxisSizes[]): Size | undefined {
  const [value] = values;
  if (values.every((other) => Object.is(other, value))) return value;
  if (!values.every(Number.isSafeInteger)) return undefined;
  for (const axes of productsOf([...traces[0]!.keys()])) {
    const products = traces.map((sizes) => axes.reduce((product, axis) => product * sizes.get(axis)!, 1));
    const factor = (values[1]! - values[0]!) / (products[1]! - products[0]!);
    const offset = values[0]! - factor * products[0]!;
    if (!Number.isSafeInteger(factor) || factor === 0) continue;
    if (values.every((other, i) => other === factor * products[i]! + offset)) return { factor, axes, offset };
  }
  return undefined;
}

/** Single axes first, then products of two. */
function productsOf(axes: string[]): string[][] {
  return [
    ...axes.map((axis) => [axis]),
    ...axes.flatMap((first, i) => axes.slice(i).map((second) => [first, second])),
  ];
}

export function isVariable(size: unknown): size is VariableSize {
  return typeof size === "object" && size !== null && "factor" in size;
}

export function sameSize(a: Size | undefined, b: Size | undefined): boolean {
  if (!isVariable(a) || !isVariable(b)) return a !== undefined && a === b;
  return a.factor === b.factor && a.offset === b.offset && a.axes.join() === b.axes.join();
}
