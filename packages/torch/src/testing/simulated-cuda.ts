/**
 * For tests on machines without a GPU: a device "cuda" that computes on the CPU but is as strict as a real GPU. Tensors
 * only report that they are on it; calls that mix tensors of two devices throw, and waits for the GPU are counted.
 */
import { type NativeGenerator, native } from "../native.js";

/** Simulates a GPU until it is disposed of. */
export interface SimulatedCuda extends Disposable {
  /** The number of waits for the GPU: reading elements, copying between devices without pinned memory. */
  waits: number;
  /** Whether libtorch can use it; else only the driver reports it. */
  isUsable: boolean;
}

export function simulateCuda({ bfloat16 = true } = {}): SimulatedCuda {
  const real = { ...native };
  const onGpu = new WeakSet<object>();
  const pinned = new WeakSet<object>();
  const stream = streamOfGpu(real);
  const simulated: SimulatedCuda = {
    waits: 0,
    isUsable: true,
    [Symbol.dispose]: () => void Object.assign(native, real),
  };

  const place = <Value>(value: Value, gpu: boolean): Value => {
    for (const tensor of tensorsIn(value)) if (gpu) onGpu.add(tensor);
    return value;
  };
  const waitFor = (tensor: object) => {
    if (onGpu.has(tensor)) simulated.waits += 1;
  };

  /** Whether the results are on the GPU. Throws if the arguments are not all on one device. */
  const deviceOf = (name: string, values: unknown[]): boolean => {
    const requested = values.find((value) => isGpu(value) || value === "cpu");
    if (name === "aten::copy_" || name.startsWith("aten::to.")) {
      const [target, source] = name === "aten::copy_" ? values : [undefined, values[0]];
      const from = onGpu.has(source as object);
      const to = target ? onGpu.has(target as object) : requested ? isGpu(requested) : from;
      const nonBlocking = name === "aten::copy_" ? values[2] === true : values[5] === true;
      if (from !== to && !(to && nonBlocking && pinned.has(source as object))) simulated.waits += 1;
      return to;
    }
    const tensors = tensorsIn(values.filter((_, i) => !onCpuAlways[name]?.includes(i)));
    const gpu = tensors.some((tensor) => onGpu.has(tensor));
    const strays = tensors.filter((tensor) => !onGpu.has(tensor) && native.shape(tensor).length > 0);
    if (gpu && strays.length > 0)
      throw new Error(
        `${name}: expected all tensors on one device, found cuda and cpu (${strays.map((stray) => native.describe(stray)).join(", ")})`,
      );
    if (tensors.length === 0 || createsLike.test(name)) return requested ? isGpu(requested) : gpu;
    return gpu;
  };

  const names = new Map<number, string>();
  const nameOf = (index: number) => {
    if (!names.has(index)) names.set(index, real.schema(index).split("(")[0]!);
    return names.get(index)!;
  };

  const generators = new WeakSet<object>();
  const call = (index: number, ...values: unknown[]): unknown => {
    const name = nameOf(index);
    if (name === "aten::_cudnn_rnn_flatten_weight") return undefined;
    if (name === "aten::pin_memory") {
      const copy = real.call(real.operator("aten::clone"), values[0]) as object;
      pinned.add(copy);
      return copy;
    }
    if (name === "aten::set_data") {
      const [target, source] = values as [object, object];
      if (onGpu.has(source)) onGpu.add(target);
      else onGpu.delete(target);
      return real.call(index, ...values);
    }
    const gpu = deviceOf(name, values);
    const generator = values.find((value) => isGenerator(value));
    if (generator && generators.has(generator) !== gpu)
      throw new Error(`${name}: the generator is not on the device of the tensor`);
    if (waiting.test(name)) for (const tensor of tensorsIn(values)) waitFor(tensor);
    const placed = values.map((value) => (isGpu(value) ? "cpu" : value));
    // A move makes a copy. Here both devices are the CPU, so libtorch would return the tensor itself.
    const moves = name.startsWith("aten::to.") && gpu !== onGpu.has(values[0] as object);
    const run = () => {
      const result = real.call(index, ...placed);
      return moves && result === values[0] ? real.call(real.operator("aten::clone"), result) : result;
    };
    return place(gpu && random.test(name) && !generator ? stream.during(run) : run(), gpu);
  };

  Object.assign(native, {
    call,
    device: (tensor: object) => (onGpu.has(tensor) ? "cuda:0" : real.device(tensor)),
    item: (tensor: object) => {
      waitFor(tensor);
      return real.item(tensor);
    },
    readBytes: (tensor: object, bytes: Uint8Array) => {
      waitFor(tensor);
      real.readBytes(tensor, bytes);
    },
    gradient: (tensor: object) => place(real.gradient(tensor), onGpu.has(tensor)),
    grad: (...[outputs, inputs, ...options]: Parameters<typeof native.grad>) => {
      const gradients = real.grad(outputs, inputs, ...options);
      for (const [i, gradient] of gradients.entries()) place(gradient, onGpu.has(inputs[i]!));
      return gradients;
    },
    gradEach: (losses: Parameters<typeof native.gradEach>[0]) => {
      const inputs: object[] = [];
      const recorded = losses.map((compute) => () => {
        const made = compute();
        inputs.push(...made.inputs);
        return made;
      });
      const gradients = real.gradEach(recorded);
      for (const [i, gradient] of gradients.flat().entries()) place(gradient, onGpu.has(inputs[i]!));
      return gradients;
    },
    generator: (seed: number, device: string) => {
      const generator = real.generator(seed, "cpu");
      if (isGpu(device)) generators.add(generator);
      return generator;
    },
    defaultGenerator: (device: string) => (isGpu(device) ? stream.handle : real.defaultGenerator(device)),
    getGeneratorState: (generator: NativeGenerator) =>
      generator === stream.handle ? stream.state() : real.getGeneratorState(generator),
    setGeneratorState: (generator: NativeGenerator, state: object) => {
      if (onGpu.has(state)) throw new Error("a generator's state must be on the CPU");
      if (generator === stream.handle) stream.restore(state);
      else real.setGeneratorState(generator, state);
    },
    manualSeed: (seed: number) => {
      real.manualSeed(seed);
      stream.seed(seed);
    },
    hasCuda: () => simulated.isUsable,
    cudaDriver: () => ({
      version: 13000,
      gpus: [{ name: "Simulated GPU", memory: 80 * 2 ** 30, capability: [bfloat16 ? 8 : 7, 0] }],
    }),
    synchronize: () => {
      simulated.waits += 1;
    },
  } satisfies Partial<typeof native>);
  return simulated;
}

/** Arguments that are always on the CPU: lengths of sentences, and sizes of packed batches. */
const onCpuAlways: Record<string, number[]> = {
  "aten::_pack_padded_sequence": [1],
  "aten::_pad_packed_sequence": [1],
  "aten::lstm.data": [1],
};

/** Operators that make a new tensor with another one's shape, on an optional device. */
const createsLike = /_like$|::new_/;

/** Operators whose results have a size or a value that the CPU must know. */
const waiting = /::(equal|is_nonzero|nonzero|masked_select|_local_scalar_dense|unique\w*)$/;

/** Operators that sample from the default stream of their device. */
const random = /::(rand|randn|randint|normal_|uniform_|bernoulli_|dropout|native_dropout)\b/;

/** The GPU's default stream of random numbers: the CPU's stream replaces it while `during` runs. */
function streamOfGpu(real: typeof native) {
  const cpu = real.defaultGenerator("cpu");
  const handle = real.generator(0, "cpu");
  const swap = () => {
    const [own, other] = [real.getGeneratorState(cpu), real.getGeneratorState(handle)];
    real.setGeneratorState(cpu, other);
    real.setGeneratorState(handle, own);
    for (const state of [own, other]) real.dispose(state);
  };
  return {
    handle,
    during<Result>(sample: () => Result): Result {
      swap();
      try {
        return sample();
      } finally {
        swap();
      }
    },
    state: () => real.getGeneratorState(handle),
    restore: (state: object) => real.setGeneratorState(handle, state),
    seed: (seed: number) => {
      const other = real.generator(seed, "cpu");
      real.setGeneratorState(handle, real.getGeneratorState(other));
    },
  };
}

function isGenerator(value: unknown): value is NativeGenerator {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isTensor(value);
}

function isGpu(device: unknown): boolean {
  return device === "cuda" || device === "cuda:0";
}

function isTensor(value: unknown): value is object {
  return value instanceof native.Tensor;
}

/** The tensors in a value: itself, or in a list. */
function tensorsIn(value: unknown): object[] {
  if (Array.isArray(value)) return value.flatMap(tensorsIn);
  return isTensor(value) ? [value] : [];
}
