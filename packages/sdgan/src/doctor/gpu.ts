import { cudaDriver, cudaIsAvailable } from "@sdgan/torch";
import { whyNoCuda } from "../compute/compute.js";
import { hasBfloat16 } from "../compute/precision.js";
import type { Finding } from "./finding.js";
import { convolutionSpeed, type SpeedOptions } from "./speed.js";

/** The GPU that training uses, with its measured speed; or why none can be used although there is a driver. */
export function examineGpu(options: Pick<SpeedOptions, "size"> = {}): Finding {
  const what = "GPU";
  if (!cudaIsAvailable()) {
    const { driver, found, remedy } = whyNoCuda();
    return driver ? { what, found, advice: remedy } : { what, found: "none" };
  }
  const { gpus = [], version } = cudaDriver() ?? {};
  const [gpu] = gpus;
  const dtype = hasBfloat16("cuda") ? "bfloat16" : "float32";
  const named = gpu ? `${gpu.name}, ${(gpu.memory / 2 ** 30).toFixed(0)} GiB, CUDA ${version}` : "CUDA";
  const others = gpus.length > 1 ? `; ${gpus.length - 1} more, selected by CUDA_VISIBLE_DEVICES` : "";
  try {
    const speed = (convolutionSpeed(dtype, { ...options, device: "cuda" }) / 1000).toFixed(1);
    const lack = dtype === "float32" ? ", lacks bfloat16" : "";
    return { what, found: `${named}${lack}: convolution ${speed} TFLOP/s in ${dtype}${others}` };
  } catch (error) {
    const reason = (error as Error).message.split("\n")[0];
    return {
      what,
      found: `${named}, but a convolution fails: ${reason}`,
      advice:
        "use --device cpu, or a libtorch that was built for this GPU: set LIBTORCH to its folder and run npx sdgan setup",
    };
  }
}
