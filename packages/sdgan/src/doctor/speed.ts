import { type DType, functional, inferenceMode, randn, scope, synchronize } from "@sdgan/torch";
import type { Device } from "../compute/device.js";

/** Billions of multiplications and additions a second, in 3×3 convolutions such as the networks have. */
export function convolutionSpeed(
  dtype: DType,
  { device = "cpu", seconds = 0.4 }: { device?: Device; seconds?: number } = {},
): number {
  return inferenceMode(() =>
    scope(() => {
      // A GPU needs more at once to be busy.
      const [B, channels, side] = device === "cpu" ? [8, 64, 64] : [64, 256, 64];
      const lay = (shape: number[]) => randn(shape, { device }).to({ dtype, memoryFormat: "channels_last" });
      const images = lay([B, channels, side, side]);
      const weights = lay([channels, channels, 3, 3]);
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
