/** The layers of Inception-v3's blocks, for inference only. */
import { call, functional, nn, type Tensor } from "@sdgan/torch";

/**
 * Convolution, batch normalization, ReLU: [B, I, H, W] → [B, O, H', W'].
 *
 * The normalization always uses the running statistics, so it is a factor and an offset per channel, which are folded
 * into the convolution: z = relu(w·γ/σ * x + (β − μ·γ/σ)). This halves the memory that gradients need.
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

/** ε of all batch normalizations of Inception. */
const epsilon = 1e-3;

/** The pooling at the start of a block's last branch; it keeps the size. */
export type Pool = (input: Tensor) => Tensor;

/** Mean of 3×3 places, with zeros beyond the edge, as in torchvision. */
export const meanWithEdge: Pool = (input) => functional.avgPool2d(input, 3, { stride: 1, padding: 1 });

/** Mean of the 3×3 places that are inside the image, as in TensorFlow. */
export const meanWithin: Pool = (input) =>
  functional.avgPool2d(input, 3, { stride: 1, padding: 1, countPadding: false });

/** Maximum of 3×3 places. */
export const largest: Pool = (input) => functional.maxPool2d(input, 3, { stride: 1, padding: 1 });

/** Maximum of 3×3 places with stride 2: [B, C, H, W] → [B, C, (H − 1) / 2, (W − 1) / 2], rounded down. */
export const halve: Pool = (input) => functional.maxPool2d(input, 3, { stride: 2 });
