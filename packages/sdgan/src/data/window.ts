/** A square of a stored image, with its upper left pixel at row `top`, column `left`; mirrored if `flip`. */
export interface Window {
  top: number;
  left: number;
  flip: boolean;
}

/** Copies a window of an image, [storedSize, storedSize, 3], to `into`, [size, size, 3]. */
export function copyWindow(
  image: Uint8Array,
  storedSize: number,
  into: Uint8Array,
  size: number,
  { top, left, flip }: Window,
): void {
  const rowBytes = size * 3;
  for (let row = 0; row < size; row++) {
    const from = ((top + row) * storedSize + left) * 3;
    const to = row * rowBytes;
    if (!flip) {
      into.set(image.subarray(from, from + rowBytes), to);
      continue;
    }
    for (let column = 0, source = from, target = to + rowBytes - 3; column < size; column++) {
      into[target] = image[source]!;
      into[target + 1] = image[source + 1]!;
      into[target + 2] = image[source + 2]!;
      source += 3;
      target -= 3;
    }
  }
}
