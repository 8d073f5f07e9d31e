/**
 * Maps this project's parameter names to those of AttnGAN's published code, to read and write its checkpoints. A
 * convolution of size 1 in AttnGAN may be a linear layer here, with the same weights in another shape.
 */
import type { nn, Tensor } from "@sdgan/torch";

type Rule = [pattern: RegExp, name: (...groups: string[]) => string];

const layer = (part: string) => (part === "conv" ? 0 : 1);

const generatorRules: Rule[] = [
  [/^conditioning\.(.+)$/, (rest) => `ca_net.${rest}`],
  [/^first\.fc\.(.+)$/, (rest) => `h_net1.fc.0.${rest}`],
  [/^first\.norm\.(.+)$/, (rest) => `h_net1.fc.1.${rest}`],
  [
    /^first\.upBlocks\.(\d+)\.(conv|norm)\.(\w+)$/,
    (i, part, rest) => `h_net1.upsample${+i! + 1}.${layer(part!) + 1}.${rest}`,
  ],
  [/^later\.(\d+)\.attention\.project\.(.+)$/, (i, rest) => `h_net${+i! + 2}.att.conv_context.${rest}`],
  [
    /^later\.(\d+)\.residual\.(\d+)\.(conv|norm)([12])\.(.+)$/,
    (i, j, part, k, rest) => `h_net${+i! + 2}.residual.${j}.block.${layer(part!) + 3 * (+k! - 1)}.${rest}`,
  ],
  [
    /^later\.(\d+)\.upBlock\.(conv|norm)\.(\w+)$/,
    (i, part, rest) => `h_net${+i! + 2}.upsample.${layer(part!) + 1}.${rest}`,
  ],
  [/^toImage\.(\d+)\.(.+)$/, (i, rest) => `img_net${+i! + 1}.img.0.${rest}`],
];

const discriminatorRules = (halvings: number): Rule[] => [
  [/^down\.0\.conv\.(.+)$/, (rest) => `img_code_s16.0.${rest}`],
  [
    /^down\.([123])\.(conv|norm)\.(.+)$/,
    (i, part, rest) => `img_code_s16.${3 * +i! - 1 + layer(part!)}.${rest}`,
  ],
  [
    /^down\.(\d+)\.(conv|norm)\.(.+)$/,
    (i, part, rest) => `img_code_s${2 ** (+i! + 1)}.${layer(part!)}.${rest}`,
  ],
  [
    /^narrow\.(\d+)\.(conv|norm)\.(.+)$/,
    (i, part, rest) => `img_code_s${2 ** halvings}_${+i! + 1}.${layer(part!)}.${rest}`,
  ],
  [/^joint\.(conv|norm)\.(.+)$/, (part, rest) => `COND_DNET.jointConv.${layer(part!)}.${rest}`],
  [/^conditionalHead\.(.+)$/, (rest) => `COND_DNET.outlogits.0.${rest}`],
  [/^unconditionalHead\.(.+)$/, (rest) => `UNCOND_DNET.outlogits.0.${rest}`],
];

/** Inception's layers have torchvision's names in both projects. */
const imageEncoderRules: Rule[] = [
  [/^inception\.(.+)$/, (rest) => rest!],
  [/^toRegions\.(.+)$/, (rest) => `emb_features.${rest}`],
  [/^toCode\.(.+)$/, (rest) => `emb_cnn_code.${rest}`],
];

/**
 * AttnGAN's name for a tensor of the generator's state.
 * @throws Error for tensors that AttnGAN's generator does not have (SCBN's)
 */
export function attnganGeneratorName(name: string): string {
  return rename(name, generatorRules);
}

/** AttnGAN's name for a tensor of the state of a discriminator of images of `imageSize`. */
export function attnganDiscriminatorName(name: string, imageSize: number): string {
  return rename(name, discriminatorRules(Math.log2(imageSize / 4)));
}

/** Like `attnganDiscriminatorName`, but tensors that AttnGAN's discriminators do not have keep their names. */
export function publishedDiscriminatorName(name: string, imageSize: number): string {
  return find(name, discriminatorRules(Math.log2(imageSize / 4))) ?? name;
}

/** Like `attnganGeneratorName`, but tensors that AttnGAN's generator does not have (SCBN's) keep their names. */
export function publishedGeneratorName(name: string): string {
  return find(name, generatorRules) ?? name;
}

/** AttnGAN's name for a tensor of the state of DAMSM's image encoder with Inception-v3. */
export function attnganImageEncoderName(name: string): string {
  return rename(name, imageEncoderRules);
}

/** A network's state with AttnGAN's names and shapes, for PyTorch's `load_state_dict`. */
export function attnganState(
  state: ReadonlyMap<string, Tensor>,
  attnganName: (name: string) => string,
): Map<string, Tensor> {
  return new Map(
    Array.from(state, ([name, tensor]) => [
      attnganName(name),
      // A convolution of size 1 in AttnGAN, a linear layer here.
      name.endsWith("attention.project.weight") ? tensor.unsqueeze(2).unsqueeze(3) : tensor,
    ]),
  );
}

/**
 * Loads a state with AttnGAN's names. BN's batch count may be missing, since PyTorch before 0.4.1 did not have it.
 * @throws Error, before anything is changed, that names a tensor that is missing, unexpected, or of another shape
 */
export function loadAttnganState(
  network: nn.Module,
  state: ReadonlyMap<string, Tensor>,
  attnganName: (name: string) => string,
): void {
  const renamed = new Map<string, Tensor>();
  const leftOver = new Set(state.keys());
  for (const [name, tensor] of network.stateDict()) {
    const theirs = attnganName(name);
    const value = state.get(theirs) ?? (name.endsWith(".num_batches_tracked") ? tensor : undefined);
    if (!value) throw new Error(`the state lacks ${theirs}`);
    const pointwise = tensor.dim === 2 && value.dim === 4 && value.numel === tensor.numel;
    renamed.set(name, pointwise ? value.reshape(...tensor.shape) : value);
    leftOver.delete(theirs);
  }
  const [unknown] = leftOver;
  if (unknown !== undefined) throw new Error(`the state has ${unknown}, which this network does not have`);
  network.loadStateDict(renamed);
}

function rename(name: string, rules: Rule[]): string {
  const found = find(name, rules);
  if (found === undefined) throw new Error(`AttnGAN has no name for ${name}`);
  return found;
}

function find(name: string, rules: Rule[]): string | undefined {
  for (const [pattern, to] of rules) {
    const match = pattern.exec(name);
    if (match) return to(...match.slice(1));
  }
  return undefined;
}
