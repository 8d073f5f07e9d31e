/** Gradients averaged over processes, in a few large messages. */
import { call, keep, noGrad, type Tensor, zeros } from "@sdgan/torch";

/** A sum over processes, in place, that has been started. */
export interface Reduction {
  wait(): void;
}

export interface BucketOptions {
  worldSize: number;
  /** Starts the sum over processes of a flat tensor, in place. */
  sum(bucket: Tensor): Reduction;
  /** The most bytes of a message, unless a single gradient is larger. */
  bytes?: number;
}

type Gradients = readonly (Tensor | null)[];

/**
 * Averages the gradients of each phase of a step over processes. They are copied into buckets, which stay allocated, in the
 * layouts that they have, so that optimizers find gradients laid out as their parameters. Half precision is sent as float32.
 */
export class GradientBuckets {
  readonly #options: BucketOptions;
  readonly #phases = new Map<string, { signature: string; buckets: Bucket[] }>();

  constructor(options: BucketOptions) {
    this.#options = options;
  }

  /**
   * Starts to average a phase's gradients, and returns a function that waits for them. They are valid until the phase's next
   * step. Gradients that are null must be null in all processes.
   */
  reduce(phase: string, gradients: Gradients): () => (Tensor | null)[] {
    const { worldSize, sum } = this.#options;
    const buckets = this.#bucketsOf(phase, gradients);
    const started = noGrad(() =>
      buckets.map(({ flat, views }) => {
        for (const { index, view } of views) view.copy_(gradients[index]!);
        return { flat, work: sum(flat) };
      }),
    );
    return () => {
      const averaged = gradients.map((): Tensor | null => null);
      noGrad(() => {
        for (const { flat, work } of started) {
          work.wait();
          flat.mul_(1 / worldSize);
        }
      });
      for (const { views } of buckets) for (const { index, view } of views) averaged[index] = view;
      return averaged;
    };
  }

  /** Bytes that a phase sends in a step, once it has been taken. */
  bytesOf(phase: string): number {
    const { buckets = [] } = this.#phases.get(phase) ?? {};
    return buckets.reduce((bytes, { flat }) => bytes + flat.numel * sizeOf(flat), 0);
  }

  #bucketsOf(phase: string, gradients: Gradients): Bucket[] {
    const signature = gradients.map((one) => one && `${one.dtype}${one.shape}/${one.strides}`).join(";");
    const known = this.#phases.get(phase);
    if (known?.signature === signature) return known.buckets;
    for (const { flat, views } of known?.buckets ?? [])
      for (const tensor of [flat, ...views.map(({ view }) => view)]) tensor.dispose();
    const buckets = groupsOf(gradients, this.#options.bytes ?? mebibyte * 25).map((group) =>
      makeBucket(group, gradients),
    );
    this.#phases.set(phase, { signature, buckets });
    return buckets;
  }
}

interface Bucket {
  flat: Tensor;
  /** Parts of `flat`, each with the shape and layout of a gradient. */
  views: { index: number; view: Tensor }[];
}

const mebibyte = 2 ** 20;

const dtypeOf = ({ dtype }: Tensor) => (dtype === "float64" ? "float64" : "float32");
const sizeOf = (gradient: Tensor) => (dtypeOf(gradient) === "float64" ? 8 : 4);

/** Indices of gradients, in order, for each bucket: of one dtype, and of at most `most` bytes. */
function groupsOf(gradients: Gradients, most: number): number[][] {
  const groups: number[][] = [];
  let [bytes, dtype] = [0, ""];
  for (const [index, gradient] of gradients.entries()) {
    if (!gradient) continue;
    const own = gradient.numel * sizeOf(gradient);
    if (groups.length === 0 || bytes + own > most || dtypeOf(gradient) !== dtype) {
      groups.push([]);
      [bytes, dtype] = [0, dtypeOf(gradient)];
    }
    groups.at(-1)!.push(index);
    bytes += own;
  }
  return groups;
}

function makeBucket(group: number[], gradients: Gradients): Bucket {
  const first = gradients[group[0]!]!;
  const count = group.reduce((sum, index) => sum + gradients[index]!.numel, 0);
  const flat = keep(zeros([count], { dtype: dtypeOf(first), device: first.device }));
  let offset = 0;
  const views = group.map((index) => {
    const { shape, strides, numel } = gradients[index]!;
    const layout = isDense(shape, strides) ? strides : contiguous(shape);
    const view = keep(call<Tensor>("as_strided", flat, shape, layout, offset));
    offset += numel;
    return { index, view };
  });
  return { flat, views };
}

/** Whether strides describe every place of `numel` consecutive ones once. */
function isDense(shape: readonly number[], strides: readonly number[]): boolean {
  const dimensions = shape.map((size, i) => ({ size, stride: strides[i]! })).filter(({ size }) => size > 1);
  let expected = 1;
  for (const { size, stride } of dimensions.sort((a, b) => a.stride - b.stride)) {
    if (stride !== expected) return false;
    expected *= size;
  }
  return true;
}

function contiguous(shape: readonly number[]): number[] {
  return shape.map((_, i) => shape.slice(i + 1).reduce((product, size) => product * size, 1));
}
