/** A character of a text, with what belongs to it, such as a combining mark. */
export interface Atom {
  text: string;
  /** In pixels. */
  width: number;
  /** A line may begin here. */
  breaks: boolean;
}

/**
 * Wraps a text into at most `maxLines` lines of at most `width` pixels: where lines may begin, or anywhere in parts
 * that are too wide. Text that does not fit is cut off and replaced by `ellipsis`. A line has at least one character.
 */
export function wrap(atoms: readonly Atom[], width: number, maxLines: number, ellipsis: Shown): Shown[] {
  const lines: Atom[][] = [];
  let rest = trimmed(atoms);
  while (rest.length > 0 && lines.length < maxLines) {
    const end = endOfLine(rest, width);
    lines.push(trimmed(rest.slice(0, end)));
    rest = trimmed(rest.slice(end));
  }
  return lines.map((line, i) =>
    joined(rest.length > 0 && i === lines.length - 1 ? ellipsized(line, width, ellipsis) : line),
  );
}

/** A part of a text, and its width in pixels. */
export type Shown = Pick<Atom, "text" | "width">;

/** In pixels, on one line. */
export function widthOf(atoms: readonly Pick<Atom, "width">[]): number {
  return atoms.reduce((sum, { width }) => sum + width, 0);
}

function endOfLine(atoms: readonly Atom[], width: number): number {
  let end = 1;
  let sum = atoms[0]!.width;
  while (end < atoms.length && sum + atoms[end]!.width <= width) sum += atoms[end++]!.width;
  if (end === atoms.length) return end;
  let cut = end;
  while (cut > 0 && !isBreak(atoms[cut]!)) cut--;
  return cut > 0 ? cut : end;
}

function isBreak({ text, breaks }: Atom): boolean {
  return breaks || text === " ";
}

function ellipsized(line: readonly Atom[], width: number, ellipsis: Shown): Shown[] {
  let end = line.length;
  while (end > 0 && widthOf(line.slice(0, end)) + ellipsis.width > width) end--;
  return [...trimmed(line.slice(0, end)), ...(ellipsis.width <= width ? [ellipsis] : [])];
}

function joined(atoms: readonly Shown[]): Shown {
  return { text: atoms.map(({ text }) => text).join(""), width: Math.ceil(widthOf(atoms)) };
}

function trimmed(atoms: readonly Atom[]): Atom[] {
  let [begin, end] = [0, atoms.length];
  while (begin < end && atoms[begin]!.text === " ") begin++;
  while (end > begin && atoms[end - 1]!.text === " ") end--;
  return atoms.slice(begin, end);
}
