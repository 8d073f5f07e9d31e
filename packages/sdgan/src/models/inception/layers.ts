/** What Inception-v3's blocks are made of. Nothing of it is ever trained here. */
import { call, functional, nn, type Tensor } from "@sdgan/torch";

/**
 * Convolution, batch normalization, ReLU: [B, I, H, W] → [B, O, H', W'].
 *
 * The normalization is always by the running statistics, so it is one more factor and offset for each of the
 * convolution's channels, and is computed with it: z = relu(w·γ/σ * x + (β − μ·γ/σ)). A gradient then has half as
 * much to keep.
 */
export class ConvBn extends nn.Module {
  readonly conv: nn.Conv2d;
  readonly bn: nn.BatchNorm;

  constructor(
    inChannels: number,
    outChannels: number,
    kernel: functional.Pair,
    options: { stride?: number; padding?: functional.Pair } = {},
  ) {
    super();
    this.conv = new nn.Conv2d(inChannels, outChannels, kernel, { bias: false, ...options });
    this.bn = new nn.BatchNorm(outChannels);
  }

  forward(input: Tensor): Tensor {
    const { dtype } = input;
    const { stride, padding } = this.conv;
    const { weight: gamma, bias: beta, runningMean, runningVar } = this.bn;
    const gain = gamma.div(runningVar.add(epsilon).sqrt()); // γ/σ: [O]
    const weight = this.conv.weight.mul(gain.view(-1, 1, 1, 1));
    const bias = beta.sub(runningMean.mul(gain));
    const options = { bias: bias.to(dtype), stride, padding };
    return call("relu_", functional.conv2d(input, weight.to(dtype), options));
  }
}

/** Of all of Inception's batch normalizations. */
const epsilon = 1e-3;

/** What a block's last branch begins with; it keeps the size. */
export type Pool = (input: Tensor) => Tensor;

/** Mean of 3×3 places, those beyond the edge counted as zeros: torchvision's. */
export const meanWithEdge: Pool = (input) => functional.avgPool2d(input, 3, { stride: 1, padding: 1 });

/** Mean of those of 3×3 places that the image has: TensorFlow's. */
export const meanWithin: Pool = (input) =>
  functional.avgPool2d(input, 3, { stride: 1, padding: 1, countPadding: false });

/** Largest of 3×3 places. */
export const largest: Pool = (input) => functional.maxPool2d(input, 3, { stride: 1, padding: 1 });

/** Largest of 3×3 places, halving the size: [B, C, H, W] → [B, C, (H − 1) / 2, (W − 1) / 2], rounded down. */
export const halve: Pool = (input) => functional.maxPool2d(input, 3, { stride: 2 });
