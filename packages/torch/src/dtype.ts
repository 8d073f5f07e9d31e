/** Element types with PyTorch's names, and the typed arrays for them in JavaScript. */
export type DType =
  | "float32"
  | "float64"
  | "float16"
  | "bfloat16"
  | "uint8"
  | "int8"
  | "int16"
  | "int32"
  | "int64"
  | "bool";

export type MemoryFormat = "contiguous" | "preserve" | "channels_last" | "channels_last_3d";

export type TypedArray =
  | Float32Array
  | Float64Array
  | Uint8Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array;

/** Bytes of one element. */
export const elementSize: Record<DType, number> = {
  float32: 4,
  float64: 8,
  float16: 2,
  bfloat16: 2,
  uint8: 1,
  int8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  bool: 1,
};

/** Typed arrays for elements; float16 and bfloat16 have none. */
export const typedArrays = {
  float32: Float32Array,
  float64: Float64Array,
  uint8: Uint8Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
} as const;

export function isFloating(dtype: DType): boolean {
  return dtype === "float32" || dtype === "float64" || dtype === "float16" || dtype === "bfloat16";
}

/** The dtype that a typed array becomes. */
export function dtypeOf(array: TypedArray): DType {
  for (const dtype of Object.keys(typedArrays) as (keyof typeof typedArrays)[]) {
    if (array instanceof typedArrays[dtype]) return dtype;
  }
  throw new TypeError(
    `tensor: ${Object.prototype.toString.call(array)} is not a typed array with a dtype of tensors`,
  );
}
