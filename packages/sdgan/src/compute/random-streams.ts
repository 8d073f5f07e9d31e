/** libtorch's default random number streams: that of the CPU, and that of the device in use. */
import { Generator as RandomStream, type Tensor } from "@sdgan/torch";
import type { Device } from "./device.js";

/** States of the streams by name: "default" is the CPU's, "cuda" the GPU's. */
export function randomState(device: Device): Map<string, Tensor> {
  return new Map(streamsOf(device).map(({ name, stream }) => [name, stream.state]));
}

/** Restores what `randomState` returned. States of devices not in use are ignored. */
export function restoreRandomState(device: Device, state: ReadonlyMap<string, Tensor>): void {
  for (const { name, stream } of streamsOf(device)) {
    const saved = state.get(name);
    // A run that began on another device has no state for this device's stream.
    if (saved) stream.state = saved;
    else if (name === "default") throw new Error("the state of the CPU's random numbers is missing");
  }
}

/** Saves the streams' states, and restores them when it is disposed of. */
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
