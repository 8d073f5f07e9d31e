/** Device and precision of the networks' computation. */
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
  /** Dtype of the networks' activations. Losses, parameters and optimizers use float32. */
  dtype: DType;
}

/**
 * Chooses the device and configures it for a precision.
 *
 * @param requested by default a GPU if libtorch can use one, else the CPU
 * @throws UserError if a GPU is requested and none is available
 */
export function startComputing(precision: Config["training"]["precision"], requested?: Device): Compute {
  const device = chooseDevice(requested);
  if (device === "cuda") {
    setTf32(precision === "tf32");
    setCudnnBenchmark(true); // Every step has the same shapes.
  }
  return { device, dtype: computeDtype(precision, device) };
}

function chooseDevice(requested: Device | undefined): Device {
  if (requested === "cpu") return "cpu";
  if (cudaIsAvailable()) return "cuda";
  if (requested === undefined) return "cpu";
  const { found, remedy } = whyNoCuda();
  throw new UserError(`--device cuda: ${found}; ${remedy}`, { code: "device.unavailable" });
}

/** Why libtorch finds no GPU, and what to do about it. */
export function whyNoCuda(): { found: string; remedy: string; driver: boolean } {
  const driver = cudaDriver();
  const { version, config } = libtorchInfo();
  const builtFor = /CUDA (?:Runtime )?(\d+\.\d+)/.exec(config)?.[1];
  if (!driver) {
    return {
      found: "no driver of NVIDIA was found (libcuda.so.1)",
      remedy: "use --device cpu, or install the driver (nvidia-smi then lists the GPU)",
      driver: false,
    };
  }
  const [gpu] = driver.gpus;
  if (!gpu) {
    const hidden = process.env.CUDA_VISIBLE_DEVICES;
    return {
      found:
        `the driver (CUDA ${driver.version}) reports no GPU` +
        (hidden === undefined ? "" : `, and CUDA_VISIBLE_DEVICES is "${hidden}"`),
      remedy: "use --device cpu, or check the output of nvidia-smi",
      driver: true,
    };
  }
  if (!builtFor) {
    return {
      found: `${gpu.name} was found, and libtorch ${version} was built without CUDA`,
      remedy: cudaBuild(driver.version),
      driver: true,
    };
  }
  return {
    found: `${gpu.name} was found, and libtorch ${version}, built for CUDA ${builtFor}, cannot use it; the driver supports up to CUDA ${driver.version}`,
    remedy:
      Number(builtFor) > Number(driver.version)
        ? cudaBuild(driver.version)
        : "check the output of nvidia-smi",
    driver: true,
  };
}

function cudaBuild(version: string): string {
  return (
    `set LIBTORCH to the folder of a libtorch built for CUDA ${version} or earlier ` +
    "(the one of a Python torch works), and run: npx sdgan setup"
  );
}
