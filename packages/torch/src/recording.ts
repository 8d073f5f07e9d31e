/** Lets one listener observe every call of an operator, which is how a forward pass is traced for `@sdgan/torch/onnx`. */

export interface Recorder {
  /** After a call of an operator, with its arguments and its result: a tensor, several in an array, or a plain value. */
  called(name: string, values: readonly unknown[], result: unknown): void;
  /** Before JavaScript reads a tensor's elements. */
  read(tensor: object): void;
}

/** The listener of the moment, if there is one. */
export let recorder: Recorder | undefined;

/** Runs `fn` with `listener` as the recorder. */
export function record<T>(listener: Recorder, fn: () => T): T {
  return withRecorder(listener, fn);
}

/**
 * Runs `fn`, which computes an operator of several calls. A recorder observes one call of `name` instead, with these
 * values and the result of `fn`, and no reads.
 */
export function asOneCall<T>(name: string, values: readonly unknown[], fn: () => T): T {
  const listener = recorder;
  if (!listener) return fn();
  const result = withRecorder(undefined, fn);
  listener.called(name, values, result);
  return result;
}

function withRecorder<T>(listener: Recorder | undefined, fn: () => T): T {
  const before = recorder;
  recorder = listener;
  try {
    return fn();
  } finally {
    recorder = before;
  }
}
