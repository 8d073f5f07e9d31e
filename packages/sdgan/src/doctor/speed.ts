import { type DType, functional, inferenceMode, randn, scope, synchronize } from "@sdgan/torch";
import type { Device } from "../compute/device.js";

/** Images, channels, and pixels per side of the timed convolution. A GPU needs a larger one to be fully used. */
const sizes: Record<Device, [B: number, channels: number, side: number]> = {
  cpu: [8, 64, 64],
  cuda: [64, 256, 64],
};

export interface SpeedOptions {
  device?: Device;
  seconds?: number;
  size?: (typeof sizes)[Device];
}

/** GFLOP/s (multiplications and additions) of 3×3 convolutions like those of the networks. */
export function convolutionSpeed(
  dtype: DType,
  { device = "cpu", seconds = 0.4, size = sizes[device] }: SpeedOptions = {},
): number {
  return inferenceMode(() =>
    scope(() => {
      const [B, channels, side] = size;
      const sample = (shape: number[]) =>
        randn(shape, { device }).to({ dtype, memoryFormat: "channels_last" });
      const images = sample([B, channels, side, side]);
      const weights = sample([channels, channels, 3, 3]);
      const convolve = () => {
        scope(() => void functional.conv2d(images, weights, { padding: 1 }));
        synchronize();
      };
      convolve(); // The first call also chooses and compiles the kernel.
      const begin = performance.now();
      let calls = 0;
      while (performance.now() - begin < 1000 * seconds) {
        convolve();
        calls++;
      }
      const operations = 2 * B * side ** 2 * channels ** 2 * 9 * calls;
      return operations / ((performance.now() - begin) / 1000) / 1e9;
    }),
  );
}
