/** Maps in words, for readers of the screen. */
import type { PlaceMap } from "../engine/engine.js";
import type { Dictionary } from "../i18n/en.js";

export interface MapSummary {
  mean: number;
  least: number;
  most: number;
  /** Where the largest value is: keys of the dictionary for its row and its column. */
  row: keyof Dictionary & ("top" | "middle" | "bottom");
  column: keyof Dictionary & ("left" | "centre" | "right");
}

export function summaryOf({ size, values }: PlaceMap): MapSummary {
  let [sum, least, most, at] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (const [place, value] of values.entries()) {
    sum += value;
    least = Math.min(least, value);
    if (value > most) [most, at] = [value, place];
  }
  const third = (place: number) => Math.min(2, Math.floor((3 * place) / size)) as 0 | 1 | 2;
  return {
    ...{ mean: sum / values.length, least, most },
    row: (["top", "middle", "bottom"] as const)[third(Math.floor(at / size))],
    column: (["left", "centre", "right"] as const)[third(at % size)],
  };
}

/** Three digits, as short as they are. */
export function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}
