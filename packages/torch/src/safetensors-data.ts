/**
 * The bytes of one tensor, read and written piece by piece: no typed array holds a tensor of several GiB, no call of the
 * system moves more than 2 GiB, and what a whole one would take is spared.
 */
import { empty, fromBytes } from "./creation.js";
import { type DType, elementSize } from "./dtype.js";
import { readInto, writeAll } from "./file.js";
import { scope } from "./scope.js";
import type { Tensor } from "./tensor.js";

/** Bytes at once. */
const PIECE = 2 ** 26;

/** Appends the elements in row-major order to a file, where it stands. */
export function writeElements(file: number, tensor: Tensor, piece = PIECE): void {
  scope(() => {
    const elements = tensor.detach().contiguous().view(-1);
    for (const [begin, count] of pieces(elements.numel, elementSize[tensor.dtype], piece))
      scope(() => writeAll(file, elements.narrow(0, begin, count).toBytes()));
  });
}

/** A tensor of the elements that lie in the file from `position` on. Throws an error if it ends before. */
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

/** Where pieces of `count` elements begin, and how many they have: at least one, else as many as fit. */
function* pieces(
  count: number,
  size: number,
  piece: number,
): IterableIterator<[begin: number, count: number]> {
  const most = Math.max(1, Math.floor(piece / size));
  for (let begin = 0; begin < count; begin += most) yield [begin, Math.min(most, count - begin)];
}
