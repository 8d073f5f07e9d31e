/** Checks what this machine offers for training and generation, with advice on what is missing. */

import { existsSync, readFileSync, statfsSync } from "node:fs";
import { availableParallelism, cpus, freemem, loadavg, totalmem } from "node:os";
import { unsupportedNode } from "@sdgan/addons/node-version";
import type { builtWith as imagesBuiltWith } from "@sdgan/images/setup";
import type { builtWith as torchBuiltWith } from "@sdgan/torch/setup";
import type { Finding } from "./finding.js";
import { examineFonts } from "./fonts.js";

/** Makes all checks, in a few seconds. Checks that need libtorch are skipped if it cannot be loaded. */
export async function examine(): Promise<Finding[]> {
  const before = [node(), processor()];
  const { torch: setUp, images } = await whatWasSetUp();
  const after = [addons(setUp, images), memory(), disk(), await examineFonts()];
  const cores = availableParallelism(); // Read before libtorch binds this thread to one of them.
  try {
    await import("../tuned.js");
    const torch = await import("@sdgan/torch");
    return [...before, ...(await examineTorch(torch, setUp, cores)), ...after];
  } catch (error) {
    const found = error instanceof Error ? error.message.split("\n")[0]! : String(error);
    const driver = existsSync("/proc/driver/nvidia/version") || existsSync("/dev/nvidiactl");
    const gpu = { what: "GPU", found: driver ? "an NVIDIA driver is installed" : "none" };
    const libtorch = {
      what: "libtorch",
      found: setUp ? `${describe(setUp)}, cannot be loaded: ${found}` : found,
      advice: "run npx sdgan setup, which finds or installs libtorch and builds the addon",
      fatal: true,
    };
    return [...before, libtorch, gpu, ...after];
  }
}

type Torch = typeof import("@sdgan/torch");

/** The libtorch that set-up built the addon against. */
type SetUp = NonNullable<ReturnType<typeof torchBuiltWith>>;
type ImagesSetUp = NonNullable<ReturnType<typeof imagesBuiltWith>>;

async function whatWasSetUp(): Promise<{ torch?: SetUp | undefined; images?: ImagesSetUp | undefined }> {
  try {
    const torch = await import("@sdgan/torch/setup");
    const images = await import("@sdgan/images/setup");
    return { torch: torch.builtWith(), images: images.builtWith() };
  } catch {
    return {};
  }
}

/** The paths of the addons: usually two folders of one cache. */
function addons(torch: SetUp | undefined, images: ImagesSetUp | undefined): Finding {
  const found = Object.entries({ libtorch: torch, images }).map(
    ([name, built]) => `${name}: ${built ? built.addon : "not built"}`,
  );
  const advice =
    torch && images
      ? images.jpeg
        ? undefined
        : "preparing JPEGs is slow without libjpeg-turbo: apt-get install -y libjpeg-dev (as root), then npx sdgan setup"
      : "run npx sdgan setup, which builds them";
  return { what: "addons", found: found.join(", "), ...(advice && { advice }) };
}

const origins: Record<string, string> = {
  LIBTORCH: "from the variable LIBTORCH",
  project: "in this project's .libtorch",
  cache: "unpacked into the cache by set-up",
  system: "installed in the system",
  python: "from Python's torch",
};

function describe({ version, origin, home }: Pick<SetUp, "version" | "origin" | "home">): string {
  return `${version}, ${origins[origin] ?? origin}, in ${home}`;
}

async function examineTorch(torch: Torch, setUp: SetUp | undefined, cores: number): Promise<Finding[]> {
  const [{ computeDtype, hasBfloat16 }, { convolutionSpeed }, { examineGpu }] = await Promise.all([
    import("../compute/precision.js"),
    import("./speed.js"),
    import("./gpu.js"),
  ]);
  const info = torch.libtorchInfo();
  const speed = { float32: convolutionSpeed("float32"), bfloat16: convolutionSpeed("bfloat16") };
  const auto = computeDtype("auto");
  const faster = speed.bfloat16 > speed.float32 ? "bfloat16" : "float32";
  const load = loadavg()[0]!;
  return [
    {
      what: "libtorch",
      found: setUp ? describe({ ...setUp, version: info.version }) : info.version,
      ...(!info.mkldnn && {
        advice: "it lacks oneDNN and is therefore slow: run npx sdgan setup with another libtorch",
      }),
    },
    blas(info.config),
    {
      what: "threads",
      found: `${torch.threads()} of ${cores} cores; load ${load.toFixed(1)}`,
      ...(load > cores && { advice: "other programs use the cores too, which slows training down" }),
    },
    {
      what: "bfloat16",
      found: hasBfloat16()
        ? "supported by the processor"
        : "not supported by the processor: networks compute in float32",
    },
    {
      what: "speed",
      found: `convolution ${speed.float32.toFixed(0)} GFLOP/s in float32, ${speed.bfloat16.toFixed(0)} in bfloat16`,
      ...(auto !== faster && { advice: `train with --set training.precision=${faster}` }),
    },
    examineGpu(),
  ];
}

/** The library for matrix products: the one that libtorch was built with, or the system's that it has loaded. */
function blas(config: string): Finding {
  const built = /BLAS_INFO=(\w+)/.exec(config)?.[1];
  const loaded = textOf("/proc/self/maps")
    .split("\n")
    .map((line) => line.slice(line.indexOf("/")))
    .find((path) => /\/lib(openblas|blas|mkl_core|blis)[^/]*\.so/.test(path));
  if (built === "mkl" || !loaded) return { what: "BLAS", found: built ?? "unknown" };
  return {
    what: "BLAS",
    found: loaded,
    ...(/\/blas\/libblas\.so/.test(loaded) && {
      advice: "this is the slow reference BLAS: apt-get install -y libopenblas0-openmp (as root)",
    }),
  };
}

function node(): Finding {
  const problem = unsupportedNode();
  return {
    what: "Node",
    found: process.versions.node,
    ...(problem !== undefined && { advice: problem, fatal: true }),
  };
}

function processor(): Finding {
  const all = cpus();
  return { what: "processor", found: `${all[0]?.model.trim() ?? process.arch}, ${all.length} cores` };
}

function memory(): Finding {
  // A container's limit may be below the machine's memory; without a limit it is 0 or a huge number.
  const limit = process.constrainedMemory?.() ?? 0;
  const total = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  const free = Math.min(freemem(), total);
  return {
    what: "memory",
    found: `${gib(free)} GiB free of ${gib(total)}`,
    ...(free < 4 * 2 ** 30 && { advice: "train with a smaller batch: --set training.batch=16" }),
  };
}

function disk(): Finding {
  const { bavail, bsize } = statfsSync(process.cwd());
  const free = bavail * bsize;
  return {
    what: "disk",
    found: `${gib(free)} GiB free in ${process.cwd()}`,
    ...(free < 2 * 2 ** 30 && {
      advice: "a run needs up to 2 GiB: free some space, or keep runs on another disk",
    }),
  };
}

function gib(bytes: number): string {
  return (bytes / 2 ** 30).toFixed(1);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
