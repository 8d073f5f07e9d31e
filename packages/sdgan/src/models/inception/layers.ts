/** What Inception-v3's blocks are made of. Nothing of it is ever trained here. */
import { functional, nn, type Tensor } from "@sdgan/torch";

/** A convolution that keeps the size (with odd kernels and stride 1), batch normalization, ReLU: [B, I, H, W] → [B, O, H', W']. */
export class ConvBn extends nn.Module {
  readonly conv: nn.Conv2d;
  readonly bn: RunningBatchNorm;

  constructor(
    inChannels: number,
    outChannels: number,
    kernel: functional.Pair,
    options: { stride?: number; padding?: functional.Pair } = {},
  ) {
    super();
    this.conv = new nn.Conv2d(inChannels, outChannels, kernel, { bias: false, ...options });
    this.bn = new RunningBatchNorm(outChannels);
  }

  forward(input: Tensor): Tensor {
    return this.bn.forward(this.conv.forward(input));
  }
}

/** Batch normalization by the running statistics in every mode, with a ReLU in the same pass. */
class RunningBatchNorm extends nn.BatchNorm {
  override forward(input: Tensor): Tensor {
    const { weight, bias, runningMean, runningVar } = this;
    const statistics = { weight, bias, runningMean, runningVar, training: false, eps: 1e-3 };
    return functional.batchNorm(input, { ...statistics, activation: "leaky_relu", slope: 0 });
  }
}

/** What a block's last branch begins with; it keeps the size. */
export type Pool = (input: Tensor) => Tensor;

/** Mean of 3×3 places, those beyond the edge counted as zeros: torchvision's. */
export const meanWithEdge: Pool = (input) => functional.avgPool2d(input, 3, { stride: 1, padding: 1 });

/** Mean of those of 3×3 places that the picture has: TensorFlow's. */
export const meanWithin: Pool = (input) =>
  functional.avgPool2d(input, 3, { stride: 1, padding: 1, countPadding: false });

/** Largest of 3×3 places. */
export const largest: Pool = (input) => functional.maxPool2d(input, 3, { stride: 1, padding: 1 });

/** Largest of 3×3 places, halving the size: [B, C, H, W] → [B, C, (H − 1) / 2, (W − 1) / 2], rounded down. */
export const halve: Pool = (input) => functional.maxPool2d(input, 3, { stride: 2 });
