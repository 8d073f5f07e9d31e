import { Generator as RandomStream } from "@sdgan/torch";

/**
 * Holds the default stream of tensors' random numbers: when this is disposed of, the stream is where it was before,
 * whatever has drawn from it meanwhile.
 */
export function holdRandomStream(): Disposable {
  const stream = RandomStream.default();
  const before = stream.state;
  return {
    [Symbol.dispose]() {
      stream.state = before;
      before.dispose();
    },
  };
}
