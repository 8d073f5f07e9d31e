/**
 * Reads and writes the bytes of one tensor piece by piece: a typed array cannot hold several GiB, a system call moves at
 * most 2 GiB, and a second copy of the whole tensor would take memory.
 */
import { empty, fromBytes } from "./creation.js";
import { type DType, elementSize } from "./dtype.js";
import { readInto, writeAll } from "./file.js";
import { scope } from "./scope.js";
import type { Tensor } from "./tensor.js";

/** Bytes per piece. */
const PIECE = 2 ** 26;

/** Writes the elements in row-major order at the file's current position. */
export function writeElements(file: number, tensor: Tensor, piece = PIECE): void {
  scope(() => {
    const elements = tensor.detach().contiguous().view(-1);
    for (const [begin, count] of pieces(elements.numel, elementSize[tensor.dtype], piece))
      scope(() => writeAll(file, elements.narrow(0, begin, count).toBytes()));
  });
}

/** Reads a tensor from `position` in the file. Throws an error if the file ends before. */
export function readElements(
  file: number,
  position: number,
  { shape, dtype }: { shape: readonly number[]; dtype: DType },
  piece = PIECE,
): Tensor {
  return scope(() => {
    const tensor = empty(shape, { dtype });
    const size = elementSize[dtype];
    const elements = tensor.view(-1);
    const bytes = new Uint8Array(Math.min(tensor.byteLength, Math.max(size, piece)));
    for (const [begin, count] of pieces(elements.numel, size, piece)) {
      const part = bytes.subarray(0, count * size);
      readInto(file, position + begin * size, part);
      scope(() => void elements.narrow(0, begin, count).copy_(fromBytes(part, [count], dtype)));
    }
    return tensor;
  });
}

/** The start and length of each piece of `count` elements. A piece has at least one element. */
function* pieces(
  count: number,
  size: number,
  piece: number,
): IterableIterator<[begin: number, count: number]> {
  const most = Math.max(1, Math.floor(piece / size));
  for (let begin = 0; begin < count; begin += most) yield [begin, Math.min(most, count - begin)];
}
