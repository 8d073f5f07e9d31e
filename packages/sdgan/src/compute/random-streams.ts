/** The default streams of tensors' random numbers: the CPU's, and that of the device that is computed on. */
import { Generator as RandomStream, type Tensor } from "@sdgan/torch";
import type { Device } from "./device.js";

/** Where they are, by device: "default" is the CPU's. */
export function randomState(device: Device): Map<string, Tensor> {
  return new Map(streamsOf(device).map(({ name, stream }) => [name, stream.state]));
}

/** Puts back what `randomState` gave. A stream of another device that it was taken on is let be. */
export function restoreRandomState(device: Device, state: ReadonlyMap<string, Tensor>): void {
  for (const { name, stream } of streamsOf(device)) {
    const saved = state.get(name);
    // A run that began on another device has drawn nothing from this one's.
    if (saved) stream.state = saved;
    else if (name === "default") throw new Error("the state of random numbers is missing");
  }
}

/** Holds the streams: when this is disposed of, they are where they were before, whatever has drawn from them. */
export function holdRandomStreams(device: Device = "cpu"): Disposable {
  const held = streamsOf(device).map(({ stream }) => ({ stream, before: stream.state }));
  return {
    [Symbol.dispose]() {
      for (const { stream, before } of held) {
        stream.state = before;
        before.dispose();
      }
    },
  };
}

function streamsOf(device: Device): { name: string; stream: RandomStream }[] {
  const cpu = { name: "default", stream: RandomStream.default() };
  return device === "cpu" ? [cpu] : [cpu, { name: device, stream: RandomStream.default(device) }];
}
