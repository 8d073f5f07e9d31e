/** numpy's scalars, which pickled lists of class numbers contain: a dtype, and an element's bytes. */

/** `numpy.dtype("i8")`; the state that follows has its byte order. */
export class NumpyDtype {
  littleEndian = true;

  constructor(
    readonly kind: string,
    readonly size: number,
  ) {}

  /** @param state (version, byte order, …) */
  setState(state: unknown): void {
    const order = Array.isArray(state) ? state[1] : undefined;
    if (order !== "<" && order !== ">" && order !== "|" && order !== "=")
      throw new TypeError("numpy.dtype: expected a state with the byte order");
    this.littleEndian = order !== ">";
  }
}

/** @param code `i8`, `f4`, `b1` and the like */
export function makeDtype(code: unknown): NumpyDtype {
  const [, kind, size] = typeof code === "string" ? (/^[<>|=]?([biuf])([1248])$/.exec(code) ?? []) : [];
  if (kind === undefined || !(`${kind}${size}` in readers))
    throw new Error("of numpy, only numbers are read");
  return new NumpyDtype(kind, Number(size));
}

/** @param data the element's bytes; a text with one character per byte, from Python 2 */
export function makeScalar(dtype: unknown, data: unknown): number | bigint | boolean {
  if (!(dtype instanceof NumpyDtype)) throw new Error("expected a dtype");
  const bytes = typeof data === "string" ? Buffer.from(data, "latin1") : data;
  if (!(bytes instanceof Uint8Array) || bytes.length !== dtype.size)
    throw new Error(`expected ${dtype.size} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const value = readers[`${dtype.kind}${dtype.size}` as keyof typeof readers](view, dtype.littleEndian);
  return typeof value === "bigint" && Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

const readers = {
  b1: (view: DataView) => view.getUint8(0) !== 0,
  i1: (view: DataView) => view.getInt8(0),
  u1: (view: DataView) => view.getUint8(0),
  i2: (view: DataView, little: boolean) => view.getInt16(0, little),
  u2: (view: DataView, little: boolean) => view.getUint16(0, little),
  i4: (view: DataView, little: boolean) => view.getInt32(0, little),
  u4: (view: DataView, little: boolean) => view.getUint32(0, little),
  i8: (view: DataView, little: boolean) => view.getBigInt64(0, little),
  u8: (view: DataView, little: boolean) => view.getBigUint64(0, little),
  f4: (view: DataView, little: boolean) => view.getFloat32(0, little),
  f8: (view: DataView, little: boolean) => view.getFloat64(0, little),
} satisfies Record<string, (view: DataView, little: boolean) => number | bigint | boolean>;
