/** Spectral normalization (Miyato et al., ICLR 2018, arXiv 1802.05957): a layer that cannot stretch differences. */
import { call, functional, nn, noGrad, randn, type Tensor } from "@sdgan/torch";

/**
 * A convolution whose weight is divided by σ, its largest singular value as a matrix W [O, I·kH·kW].
 *
 * σ is ‖Wᵀu‖ with u [O] of length 1, which approaches W's left singular vector: each call in training improves u by one
 * power iteration, u ← W·Wᵀu / ‖W·Wᵀu‖. Weights move little between two calls, so that is enough. u is a constant
 * for gradients. It is part of the state, as `weight_u`. In evaluation it stays as it is.
 *
 * Computes in the input's dtype, and σ in that of the parameters.
 */
export class SpectralConv2d extends nn.Conv2d {
  /** u: [O] */
  readonly direction: Tensor;

  constructor(
    inChannels: number,
    outChannels: number,
    kernel: functional.Pair,
    options: nn.Conv2dOptions = {},
  ) {
    super(inChannels, outChannels, kernel, options);
    this.direction = this.buffer("weight_u", unit(randn([outChannels])));
  }

  /** The weight divided by σ: [O, I, kH, kW]. */
  normalizedWeight(): Tensor {
    const matrix = this.weight.permute(0, 2, 3, 1).flatten(1); // Without a copy if channels are last.
    const u = this.training ? this.#improve(matrix) : this.direction;
    return this.weight.div(matrix.t().matmul(u).norm());
  }

  /** One power iteration. Returns a copy of u, which later iterations do not change. */
  #improve(matrix: Tensor): Tensor {
    return noGrad(() => {
      const u = unit(matrix.matmul(matrix.t().matmul(this.direction)));
      this.direction.copy_(u);
      return u;
    });
  }

  override forward(input: Tensor): Tensor {
    const { stride, padding, dilation, groups } = this;
    const bias = this.bias?.to(input.dtype) ?? null;
    const weight = this.normalizedWeight().to(input.dtype);
    return functional.conv2d(input, weight, { bias, stride, padding, dilation, groups });
  }
}

/** The vector with length 1; zeros stay zeros. */
function unit(vector: Tensor): Tensor {
  return vector.div(call<Tensor>("clamp_min", vector.norm(), 1e-12));
}
