/** A profiler of operators. */
import { native } from "./native.js";

/** All calls of one operator while a profile was taken. */
export interface OperatorTime {
  /** "aten::conv2d"; operators of backward passes run inside a node such as "ConvolutionBackward0". */
  operator: string;
  calls: number;
  /** Milliseconds including the operators that it calls. */
  total: number;
  /** Milliseconds without the operators that it calls. */
  own: number;
}

/**
 * Runs `fn` and returns the time of each of libtorch's operators, the longest first. On a GPU, operators return before
 * their work is done, so there it is the time to launch them.
 * Operators that other threads run are not counted, such as gradients that `gradEach` computes beside this thread.
 */
export function profile(fn: () => void): OperatorTime[] {
  return native.profile(fn).sort((a, b) => b.own - a.own);
}
