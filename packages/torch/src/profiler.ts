/** Where time goes, operator by operator. */
import { native } from "./native.js";

/** All calls of one operator while a profile was taken. */
export interface OperatorTime {
  /** "aten::conv2d"; operators of backward passes run inside a node such as "ConvolutionBackward0". */
  operator: string;
  calls: number;
  /** Milliseconds, those of the operators inside included. */
  total: number;
  /** Milliseconds without them. */
  own: number;
}

/**
 * Runs `fn` and tells what each of libtorch's operators took meanwhile, the longest first. On a GPU operators return
 * before their work is done, so there it is the time of asking.
 */
export function profile(fn: () => void): OperatorTime[] {
  return native.profile(fn).sort((a, b) => b.own - a.own);
}
