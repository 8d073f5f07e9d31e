/** What `--device` may name. It stands alone, so that the command line knows it without libtorch. */
export const devices = ["cpu", "cuda"] as const;

/** The processor, or the first of NVIDIA's GPUs that CUDA_VISIBLE_DEVICES leaves. */
export type Device = (typeof devices)[number];
