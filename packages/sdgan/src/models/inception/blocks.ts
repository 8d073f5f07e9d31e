/**
 * Inception-v3's blocks (Szegedy et al., 2015, arXiv 1512.00567, figures 5 to 10), with torchvision's names for their
 * parts: parallel branches, each a chain of convolutions, concatenated along the channels.
 */
import { cat, nn, type Tensor } from "@sdgan/torch";
import { ConvBn, halve, type Pool } from "./layers.js";

/** Kernels of 7 places in a row, and in a column. */
const row7 = [[1, 7], { padding: [0, 3] }] as const;
const column7 = [[7, 1], { padding: [3, 0] }] as const;
const row3 = [[1, 3], { padding: [0, 1] }] as const;
const column3 = [[3, 1], { padding: [1, 0] }] as const;

/** [B, I, 35, 35] → [B, 224 + poolChannels, 35, 35] */
export class InceptionA extends nn.Module {
  readonly branch1x1: ConvBn;
  readonly branch5x5_1: ConvBn;
  readonly branch5x5_2 = new ConvBn(48, 64, 5, { padding: 2 });
  readonly branch3x3dbl_1: ConvBn;
  readonly branch3x3dbl_2 = new ConvBn(64, 96, 3, { padding: 1 });
  readonly branch3x3dbl_3 = new ConvBn(96, 96, 3, { padding: 1 });
  readonly branch_pool: ConvBn;

  constructor(
    inChannels: number,
    poolChannels: number,
    readonly pool: Pool,
  ) {
    super();
    this.branch1x1 = new ConvBn(inChannels, 64, 1);
    this.branch5x5_1 = new ConvBn(inChannels, 48, 1);
    this.branch3x3dbl_1 = new ConvBn(inChannels, 64, 1);
    this.branch_pool = new ConvBn(inChannels, poolChannels, 1);
  }

  forward(input: Tensor): Tensor {
    return cat(
      [
        this.branch1x1.forward(input),
        chain(input, this.branch5x5_1, this.branch5x5_2),
        chain(input, this.branch3x3dbl_1, this.branch3x3dbl_2, this.branch3x3dbl_3),
        this.branch_pool.forward(this.pool(input)),
      ],
      1,
    );
  }
}

/** [B, I, 35, 35] → [B, 480 + I, 17, 17] */
export class InceptionB extends nn.Module {
  readonly branch3x3: ConvBn;
  readonly branch3x3dbl_1: ConvBn;
  readonly branch3x3dbl_2 = new ConvBn(64, 96, 3, { padding: 1 });
  readonly branch3x3dbl_3 = new ConvBn(96, 96, 3, { stride: 2 });

  constructor(inChannels: number) {
    super();
    this.branch3x3 = new ConvBn(inChannels, 384, 3, { stride: 2 });
    this.branch3x3dbl_1 = new ConvBn(inChannels, 64, 1);
  }

  forward(input: Tensor): Tensor {
    return cat(
      [
        this.branch3x3.forward(input),
        chain(input, this.branch3x3dbl_1, this.branch3x3dbl_2, this.branch3x3dbl_3),
        halve(input),
      ],
      1,
    );
  }
}

/** [B, 768, 17, 17] → [B, 768, 17, 17], with `width` channels inside its chains of size 7. */
export class InceptionC extends nn.Module {
  readonly branch1x1 = new ConvBn(768, 192, 1);
  readonly branch7x7_1: ConvBn;
  readonly branch7x7_2: ConvBn;
  readonly branch7x7_3: ConvBn;
  readonly branch7x7dbl_1: ConvBn;
  readonly branch7x7dbl_2: ConvBn;
  readonly branch7x7dbl_3: ConvBn;
  readonly branch7x7dbl_4: ConvBn;
  readonly branch7x7dbl_5: ConvBn;
  readonly branch_pool = new ConvBn(768, 192, 1);

  constructor(
    width: number,
    readonly pool: Pool,
  ) {
    super();
    this.branch7x7_1 = new ConvBn(768, width, 1);
    this.branch7x7_2 = new ConvBn(width, width, ...row7);
    this.branch7x7_3 = new ConvBn(width, 192, ...column7);
    this.branch7x7dbl_1 = new ConvBn(768, width, 1);
    this.branch7x7dbl_2 = new ConvBn(width, width, ...column7);
    this.branch7x7dbl_3 = new ConvBn(width, width, ...row7);
    this.branch7x7dbl_4 = new ConvBn(width, width, ...column7);
    this.branch7x7dbl_5 = new ConvBn(width, 192, ...row7);
  }

  forward(input: Tensor): Tensor {
    const { branch7x7_1, branch7x7_2, branch7x7_3 } = this;
    const { branch7x7dbl_1, branch7x7dbl_2, branch7x7dbl_3, branch7x7dbl_4, branch7x7dbl_5 } = this;
    return cat(
      [
        this.branch1x1.forward(input),
        chain(input, branch7x7_1, branch7x7_2, branch7x7_3),
        chain(input, branch7x7dbl_1, branch7x7dbl_2, branch7x7dbl_3, branch7x7dbl_4, branch7x7dbl_5),
        this.branch_pool.forward(this.pool(input)),
      ],
      1,
    );
  }
}

/** [B, 768, 17, 17] → [B, 1280, 8, 8] */
export class InceptionD extends nn.Module {
  readonly branch3x3_1 = new ConvBn(768, 192, 1);
  readonly branch3x3_2 = new ConvBn(192, 320, 3, { stride: 2 });
  readonly branch7x7x3_1 = new ConvBn(768, 192, 1);
  readonly branch7x7x3_2 = new ConvBn(192, 192, ...row7);
  readonly branch7x7x3_3 = new ConvBn(192, 192, ...column7);
  readonly branch7x7x3_4 = new ConvBn(192, 192, 3, { stride: 2 });

  forward(input: Tensor): Tensor {
    return cat(
      [
        chain(input, this.branch3x3_1, this.branch3x3_2),
        chain(input, this.branch7x7x3_1, this.branch7x7x3_2, this.branch7x7x3_3, this.branch7x7x3_4),
        halve(input),
      ],
      1,
    );
  }
}

/** [B, I, 8, 8] → [B, 2048, 8, 8] */
export class InceptionE extends nn.Module {
  readonly branch1x1: ConvBn;
  readonly branch3x3_1: ConvBn;
  readonly branch3x3_2a = new ConvBn(384, 384, ...row3);
  readonly branch3x3_2b = new ConvBn(384, 384, ...column3);
  readonly branch3x3dbl_1: ConvBn;
  readonly branch3x3dbl_2 = new ConvBn(448, 384, 3, { padding: 1 });
  readonly branch3x3dbl_3a = new ConvBn(384, 384, ...row3);
  readonly branch3x3dbl_3b = new ConvBn(384, 384, ...column3);
  readonly branch_pool: ConvBn;

  constructor(
    inChannels: number,
    readonly pool: Pool,
  ) {
    super();
    this.branch1x1 = new ConvBn(inChannels, 320, 1);
    this.branch3x3_1 = new ConvBn(inChannels, 384, 1);
    this.branch3x3dbl_1 = new ConvBn(inChannels, 448, 1);
    this.branch_pool = new ConvBn(inChannels, 192, 1);
  }

  forward(input: Tensor): Tensor {
    const single = this.branch3x3_1.forward(input);
    const double = chain(input, this.branch3x3dbl_1, this.branch3x3dbl_2);
    return cat(
      [
        this.branch1x1.forward(input),
        this.branch3x3_2a.forward(single),
        this.branch3x3_2b.forward(single),
        this.branch3x3dbl_3a.forward(double),
        this.branch3x3dbl_3b.forward(double),
        this.branch_pool.forward(this.pool(input)),
      ],
      1,
    );
  }
}

function chain(input: Tensor, ...convolutions: ConvBn[]): Tensor {
  return convolutions.reduce((hidden, convolution) => convolution.forward(hidden), input);
}
