/** Where networks compute, and in what. */
import { type Config, UserError } from "@sdgan/core";
import {
  cudaDriver,
  cudaIsAvailable,
  type DType,
  libtorchInfo,
  setCudnnBenchmark,
  setTf32,
} from "@sdgan/torch";
import type { Device } from "./device.js";
import { computeDtype } from "./precision.js";

export interface Compute {
  device: Device;
  /** Of the networks' activations; losses, parameters and optimizers keep float32. */
  dtype: DType;
}

/**
 * Readies the device for one precision.
 *
 * @param asked by default the GPU where there is one that libtorch can use, else the processor
 * @throws UserError if the GPU is asked for and there is none
 */
export function startComputing(precision: Config["training"]["precision"], asked?: Device): Compute {
  const device = chooseDevice(asked);
  if (device === "cuda") {
    setTf32(precision === "tf32");
    setCudnnBenchmark(true); // The images of a step have the same shapes every time.
  }
  return { device, dtype: computeDtype(precision, device) };
}

function chooseDevice(asked: Device | undefined): Device {
  if (asked === "cpu") return "cpu";
  if (cudaIsAvailable()) return "cuda";
  if (asked === undefined) return "cpu";
  const { found, remedy } = whyNoCuda();
  throw new UserError(`--device cuda: ${found}; ${remedy}`, { code: "device.unavailable" });
}

/** What is missing for training on a GPU, and what to do; for where libtorch finds none. */
export function whyNoCuda(): { found: string; remedy: string; driver: boolean } {
  const driver = cudaDriver();
  const { version, config } = libtorchInfo();
  const builtFor = /CUDA (?:Runtime )?(\d+\.\d+)/.exec(config)?.[1];
  if (!driver) {
    return {
      found: "no driver of NVIDIA's was found (libcuda.so.1)",
      remedy: "use --device cpu, or install the driver (nvidia-smi then tells of the GPU)",
      driver: false,
    };
  }
  const [gpu] = driver.gpus;
  if (!gpu) {
    const hidden = process.env.CUDA_VISIBLE_DEVICES;
    return {
      found:
        `the driver (CUDA ${driver.version}) tells of no GPU` +
        (hidden === undefined ? "" : `, and CUDA_VISIBLE_DEVICES is "${hidden}"`),
      remedy: "use --device cpu, or see what nvidia-smi says",
      driver: true,
    };
  }
  if (!builtFor) {
    return {
      found: `${gpu.name} is there, and libtorch ${version} was built without CUDA`,
      remedy: cudaBuild(driver.version),
      driver: true,
    };
  }
  return {
    found: `${gpu.name} is there, and libtorch ${version}, built for CUDA ${builtFor}, cannot use it; the driver runs up to CUDA ${driver.version}`,
    remedy:
      Number(builtFor) > Number(driver.version) ? cudaBuild(driver.version) : "see what nvidia-smi says",
    driver: true,
  };
}

function cudaBuild(version: string): string {
  return (
    `set LIBTORCH to the folder of a libtorch built for CUDA ${version} or earlier ` +
    "(that of a Python torch will do), and run: npx sdgan setup"
  );
}
