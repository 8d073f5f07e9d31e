/** Wrong values of every kind, and some correct ones, sampled from a seed. */
import { call, type DType, Generator, ones, randn, type Tensor, tensor, zeros } from "../../index.js";

/** Numbers from 0 to 1, decided by the seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The error of a getter or a trap: it must pass through. */
export class OwnError extends Error {}

function throwing(): never {
  throw new OwnError("thrown by the caller's own code");
}

const dtypes: DType[] = [
  "float32",
  "float64",
  "float16",
  "bfloat16",
  "uint8",
  "int8",
  "int16",
  "int32",
  "int64",
  "bool",
];

// Sizes are either harmless, or larger than the memory of any machine.
const integers = [0, 1, 2, 3, 4, 7, -1, -2, -7, -(2 ** 31), 2 ** 45, 2 ** 52, -(2 ** 53)];
const numbers = [
  ...integers,
  0.5,
  -0,
  1e-300,
  1e300,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
];
const strings = [
  "",
  "float32",
  "mean",
  "cpu",
  "cuda",
  "cuda:9999999999",
  "moon",
  "channels_last",
  "contiguous",
  "add.Tensor",
  "\0",
  "🐦".repeat(50),
];

export class Values {
  readonly #random: () => number;
  #tensors: Tensor[] = [];
  readonly #generator = Generator.seeded(1);

  constructor(seed: number) {
    this.#random = randomNumbers(seed);
    this.renew();
  }

  /** New tensors, because calls may have changed or disposed of the previous ones. */
  renew(): void {
    for (const old of this.#tensors) old.dispose();
    const shapes = [
      [],
      [0],
      [1],
      [4],
      [2, 3],
      [3, 2],
      [0, 3],
      [2, 3, 4],
      [2, 3, 4, 4],
      [1, 1, 1, 1, 1],
      [3, 3, 2, 2],
    ];
    this.#tensors = [
      ...shapes.map((shape) => randn(shape)),
      ...dtypes.map((dtype) => ones([2, 3]).to(dtype)),
      tensor([[0, 1], [-5, 1e9]], { dtype: "int64" }), // biome-ignore format: rows
      tensor([3, 2, 1], { dtype: "int64" }),
      tensor([Number.NaN, Number.POSITIVE_INFINITY, -0]),
      randn([3, 2]).t(),
      ones([1]).expand(2, 3),
      randn([2, 3, 4, 4]).contiguous("channels_last"),
      randn([2, 3], { requiresGrad: true }),
      randn([2, 3], { requiresGrad: true }).mul(2),
      call<Tensor>("to_sparse", ones([2, 2])),
      call<Tensor>("complex", ones([2]), ones([2])),
      zeros([2, 3], { device: "meta" }),
      disposed(),
    ];
  }

  chance(probability: number): boolean {
    return this.#random() < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() * list.length)]!;
  }

  tensor(): Tensor {
    return this.pick(this.#tensors);
  }

  /** A list of integers, mostly one that could be a shape. */
  integers(): unknown[] {
    const few = this.chance(0.7) ? [1, 2, 3, 4] : integers;
    return Array.from({ length: this.pick([0, 1, 2, 3, 4]) }, () => this.pick(few));
  }

  /** Any value; half of them have a type that operators accept. */
  any(depth = 2): unknown {
    const likely: (() => unknown)[] = [
      () => this.tensor(),
      () => this.tensor(),
      () => this.pick(numbers),
      () => this.pick([0, 1, 2]),
      () => this.integers(),
      () => this.pick([true, false, undefined]),
      () => this.pick(dtypes),
    ];
    if (this.chance(0.55)) return this.pick(likely)();
    return this.strange(depth);
  }

  /** A value that almost no operator accepts. */
  strange(depth = 2): unknown {
    const inner = () => (depth > 0 ? this.any(depth - 1) : 1);
    const kinds: (() => unknown)[] = [
      () => null,
      () => this.pick(strings),
      () => this.pick([0n, -1n, 2n ** 40n, 2n ** 63n, 2n ** 200n]),
      () => Symbol("s"),
      () => () => inner(),
      () => throwing,
      () => new Array(2 ** 32 - 1),
      () => [inner(), inner()],
      () => new Array(3),
      () => Object.defineProperty([1, 2], 0, { get: throwing }),
      () => Object.defineProperty({}, "dtype", { get: throwing, enumerable: true }),
      () => new Proxy(this.tensor(), {}),
      () => new Proxy({}, { get: throwing, getPrototypeOf: throwing, has: throwing, ownKeys: throwing }),
      () => new Proxy([1, 2], {}),
      () => Object.create(null),
      () => Object.create(this.tensor()),
      () => ({ shape: inner(), dtype: inner(), device: inner(), requiresGrad: inner(), generator: inner() }),
      () => ({ weight: inner(), bias: inner(), training: inner(), stride: inner(), padding: inner() }),
      () => ({ native: inner() }),
      () => this.#generator,
      () => this.#generator.native,
      () => this.pick([Float32Array, Uint8Array, BigInt64Array, Uint8ClampedArray]),
      () =>
        this.pick([
          new Float32Array(6),
          new Uint8Array(3),
          new BigInt64Array(2),
          new DataView(new ArrayBuffer(8)),
        ]),
      () => detached(),
      () => new Map([["weight", inner()]]),
      () => new Date(Number.NaN),
      () => circle(),
      () => ({ valueOf: throwing, toString: throwing, [Symbol.toPrimitive]: throwing }),
    ];
    return this.pick(kinds)();
  }

  /** Arguments, sometimes too few or too many. */
  arguments(expected: number): unknown[] {
    const count = this.pick([expected, expected, expected, expected - 1, expected + 1, 0, 35]);
    return Array.from({ length: Math.max(0, count) }, () => this.any());
  }
}

function disposed(): Tensor {
  const made = ones([2, 3]);
  made.dispose();
  return made;
}

/** A typed array whose buffer is detached. */
function detached(): Uint8Array {
  const bytes = new Uint8Array(8);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}

function circle(): unknown[] {
  const made: unknown[] = [];
  made.push(made);
  return made;
}
