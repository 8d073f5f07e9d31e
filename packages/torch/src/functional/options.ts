/** Options of several functions. */

/** How the losses of all elements are reduced: not at all, to their mean or to their sum. */
export type Reduction = "none" | "mean" | "sum";

/** One value for height and width, or one for each. */
export type Pair = number | readonly [height: number, width: number];
