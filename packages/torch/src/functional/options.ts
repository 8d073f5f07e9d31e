/** What several functions take. */

/** What is made of the losses of all elements: nothing, their mean or their sum. */
export type Reduction = "none" | "mean" | "sum";

/** The same along height and width, or one for each. */
export type Pair = number | readonly [height: number, width: number];
