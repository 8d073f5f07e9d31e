/** Values of `--device`. In a file of its own, so that the command line can import it without libtorch. */
export const devices = ["cpu", "cuda"] as const;

/** The CPU, or the first NVIDIA GPU that CUDA_VISIBLE_DEVICES leaves visible. */
export type Device = (typeof devices)[number];
