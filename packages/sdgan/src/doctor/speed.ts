import { type DType, functional, inferenceMode, randn, scope } from "@sdgan/torch";

/** Billions of multiplications and additions a second, in 3×3 convolutions such as the networks have. */
export function convolutionSpeed(dtype: DType, seconds = 0.4): number {
  return inferenceMode(() =>
    scope(() => {
      const [B, channels, side] = [8, 64, 64];
      const lay = (shape: number[]) => randn(shape).to({ dtype, memoryFormat: "channels_last" });
      const images = lay([B, channels, side, side]);
      const weights = lay([channels, channels, 3, 3]);
      const convolve = () => scope(() => void functional.conv2d(images, weights, { padding: 1 }));
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
