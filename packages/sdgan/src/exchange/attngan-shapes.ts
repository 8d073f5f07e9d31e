/** Sizes of AttnGAN's networks, from the names and shapes of their tensors. */
import { UserError } from "@sdgan/core";
import { marks, type NetworkFile } from "./network-file.js";

export interface GeneratorSizes {
  width: number;
  stages: number;
  firstSize: number;
  residualBlocks: number;
  noise: number;
  condition: number;
  textWidth: number;
}

/** @throws UserError if the tensors are not those of one of AttnGAN's generators */
export function generatorSizes(file: NetworkFile): GeneratorSizes {
  const stages = countOf(file, (i) => `img_net${i + 1}.img.0.weight`);
  if (stages === 0)
    throw refused(
      file,
      "has no image in its first stage (img_net1 is missing), like AttnGAN's DCGAN variant, which is not supported",
    );
  const [fourfold, textWidth] = shapeOf(file, "ca_net.fc.weight", 2);
  const condition = fourfold! / 4;
  const noise = shapeOf(file, "h_net1.fc.0.weight", 2)[1]! - condition;
  const width = shapeOf(file, "img_net1.img.0.weight", 4)[1]!;
  const upBlocks = countOf(file, (i) => `h_net1.upsample${i + 1}.1.weight`);
  const residualBlocks = countOf(file, (i) => `h_net2.residual.${i}.block.0.weight`);
  // Checks that the sizes are consistent, so that no network larger than the file is created.
  for (let i = 0; i < upBlocks; i++) {
    const channels = width * 2 ** (upBlocks - i);
    requireShape(file, `h_net1.upsample${i + 1}.1.weight`, [channels, channels, 3, 3]);
  }
  requireShape(file, "h_net1.fc.0.weight", [32 * width * 2 ** upBlocks, condition + noise]);
  for (let stage = 2; stage <= stages; stage++) {
    for (let block = 0; block < residualBlocks; block++)
      requireShape(file, `h_net${stage}.residual.${block}.block.0.weight`, [4 * width, 2 * width, 3, 3]);
    requireShape(file, `h_net${stage}.att.conv_context.weight`, [width, textWidth!, 1, 1]);
  }
  return {
    width,
    stages,
    firstSize: 4 * 2 ** upBlocks,
    residualBlocks,
    noise,
    condition,
    textWidth: textWidth!,
  };
}

export interface TextSizes {
  vocabularySize: number;
  embedding: number;
  width: number;
}

/** @throws UserError if the tensors are not those of AttnGAN's text encoder with one LSTM layer */
export function textSizes(file: NetworkFile): TextSizes {
  const [vocabularySize, embedding] = shapeOf(file, "encoder.weight", 2);
  const [gates, hidden] = shapeOf(file, "rnn.weight_hh_l0", 2);
  if (gates === 3 * hidden!) throw refused(file, "has a GRU; only text encoders with an LSTM are supported");
  if (file.state.has("rnn.weight_hh_l1"))
    throw refused(file, "has several LSTM layers; only one is supported");
  requireShape(file, "rnn.weight_hh_l0_reverse", [4 * hidden!, hidden!]);
  return { vocabularySize: vocabularySize!, embedding: embedding!, width: 2 * hidden! };
}

/** D, the width of text features that an image encoder was trained with. */
export function imageEncoderWidth(file: NetworkFile): number {
  return shapeOf(file, marks.image[0], 4)[0]!;
}

export interface DiscriminatorSizes {
  imageSize: number;
  width: number;
  textWidth: number;
}

/** @throws UserError if the tensors are not those of one of AttnGAN's discriminators */
export function discriminatorSizes(file: NetworkFile): DiscriminatorSizes {
  const to16 = countOf(file, (i) => `img_code_s16.${i === 0 ? 0 : 3 * i - 1}.weight`);
  const further = countOf(file, (i) => `img_code_s${2 ** (i + 5)}.0.weight`);
  const features = shapeOf(file, marks.discriminator[0], 4)[1]!;
  const [out, joint] = shapeOf(file, "COND_DNET.jointConv.0.weight", 4);
  if (to16 > 1) requireShape(file, `img_code_s16.${3 * to16 - 4}.weight`, [features, features / 2, 4, 4]);
  if (out !== features) throw refused(file, "has heads of different widths");
  return { imageSize: 4 * 2 ** (to16 + further), width: features / 8, textWidth: joint! - features };
}

function countOf({ state }: NetworkFile, name: (i: number) => string): number {
  let i = 0;
  while (state.has(name(i))) i++;
  return i;
}

function shapeOf(file: NetworkFile, name: string, dimensions: number): number[] {
  const tensor = file.state.get(name);
  if (!tensor) throw refused(file, `lacks ${name}`);
  if (tensor.dim !== dimensions || tensor.numel === 0)
    throw refused(
      file,
      `has ${name} of shape [${tensor.shape.join(", ")}]; expected ${dimensions} dimensions`,
    );
  return tensor.shape;
}

function requireShape(file: NetworkFile, name: string, expected: number[]): void {
  const shape = shapeOf(file, name, expected.length);
  if (shape.join() !== expected.join())
    throw refused(
      file,
      `has ${name} of shape [${shape.join(", ")}]; expected [${expected.join(", ")}] from its other tensors`,
    );
}

function refused({ path }: NetworkFile, what: string): UserError {
  return new UserError(`${path}: ${what}`, { code: "file.invalid" });
}
