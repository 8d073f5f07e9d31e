/** A training step of the GAN: every discriminator once, then the generator, then its average. */
import { cat, grad, optim, randn, scope, type Tensor, zerosLike } from "@sdgan/torch";
import { type DiscriminatorLogits, discriminatorLoss, generatorLoss } from "../losses/adversarial.js";
import { type ContrastiveOptions, contrastiveLoss } from "../losses/contrastive.js";
import { klLoss } from "../losses/kl.js";
import type { Discriminator } from "../models/discriminator.js";
import type { Generated, Generator } from "../models/generator.js";
import { atLeastFloat32 } from "../models/layers.js";
import type { TextFeatures } from "../models/text-features.js";
import { updateAverage } from "./average.js";

/** What a step trains on. With Siamese branches, B/2 pairs: the first branch's captions, then the second's. */
export interface GanBatch {
  /** Real images at every stage's size, small to large: [B, 3, S, S] in −1 … 1. Their dtype is the step's. */
  real: Tensor[];
  text: TextFeatures;
  /** y: [B/2], 1 where both captions are of one image. Absent without Siamese branches. */
  same?: Tensor;
}

/** Random draws of a step, for tests that bring their own. */
export interface GanNoise {
  /** z: [B, noise] */
  noise: Tensor;
  /** ε of conditioning augmentation: [B, condition] */
  epsilon: Tensor;
}

/** Losses of one step: tensors of one number, on the networks' device, so that nobody waits for a GPU to compute them. */
export interface GanMetrics {
  /** L_D of each stage, without the contrastive term. */
  discriminator: Tensor[];
  /** L_G of each stage. */
  generator: Tensor[];
  kl: Tensor;
  /** Weighted; 0 where the term is off. */
  damsm: Tensor;
  contrastive: Tensor;
}

export interface GanTrainerOptions {
  generator: Generator;
  /** A second generator, which receives the average of the first one's weights. */
  average: Generator;
  discriminators: Discriminator[];
  learningRate: { generator: number; discriminator: number };
  betas: readonly [number, number];
  /** Decay of the average. */
  averageDecay: number;
  klWeight: number;
  /** The whole DAMSM term, λ and both losses, for the last stage's image [B, 3, S, S]. */
  damsmLoss?: (image: Tensor, batch: GanBatch) => Tensor;
  contrastive: ContrastiveOptions & { weight: number; generator: boolean; discriminator: boolean };
  /** Both branches of a pair draw with the same z: what their images differ by is for the captions to say. */
  sharedNoise: boolean;
}

export class GanTrainer {
  readonly options: GanTrainerOptions;
  readonly generatorOptimizer: optim.Adam;
  readonly discriminatorOptimizers: optim.Adam[];

  constructor(options: GanTrainerOptions) {
    const { generator, average, discriminators, learningRate, betas } = options;
    this.options = options;
    average.loadStateDict(generator.stateDict());
    average.requiresGrad(false).eval();
    const adam = (network: Generator | Discriminator, rate: number) =>
      new optim.Adam(network.namedParameters(), { learningRate: rate, betas });
    this.generatorOptimizer = adam(generator, learningRate.generator);
    this.discriminatorOptimizers = discriminators.map((network) => adam(network, learningRate.discriminator));
  }

  get steps(): number {
    return this.generatorOptimizer.steps;
  }

  step(batch: GanBatch, draws?: GanNoise): GanMetrics {
    const { generator, average, averageDecay } = this.options;
    return scope(() => {
      const dtype = batch.real[0]!.dtype;
      const { noise, epsilon } = draws ?? this.#draw(batch);
      const generated = generator.forward(noise.to(dtype), batch.text, epsilon);
      const onDiscriminators = this.#trainDiscriminators(batch, generated);
      const onGenerator = this.#trainGenerator(batch, generated);
      updateAverage(average, generator, averageDecay, this.steps);
      return { ...onDiscriminators, ...onGenerator };
    });
  }

  #draw({ text, same }: GanBatch): GanNoise {
    const { generator, sharedNoise } = this.options;
    const [B, device] = [text.sentence.size(0), text.sentence.device];
    const draw = (count: number, width: number) => randn([count, width], { device });
    const noise = same && sharedNoise ? draw(B / 2, generator.noise).repeat(2, 1) : draw(B, generator.noise);
    return { noise, epsilon: draw(B, generator.conditioning.condition) };
  }

  #trainDiscriminators(
    { real, text, same }: GanBatch,
    { images }: Generated,
  ): Pick<GanMetrics, "discriminator"> {
    const { discriminators, contrastive } = this.options;
    const losses = discriminators.map((discriminator, i) =>
      scope(() => {
        discriminator.requiresGrad(true);
        // One pass over real and fake images and one over all pairs with sentences, in which BN takes what is one
        // call in the published code for a batch of its own, in that code's order.
        const B = real[i]!.size(0);
        const features = discriminator.forward(cat([real[i]!, images[i]!.detach()]), [B, B]);
        const [realFeatures, fakeFeatures] = features.chunk(2, 0) as [Tensor, Tensor];
        const { sentence } = text;
        const conditional = discriminator.conditional(
          cat([features, realFeatures.narrow(0, 0, B - 1)]),
          cat([sentence, sentence, sentence.narrow(0, 1, B - 1)]),
          [B, B, B - 1],
        );
        const unconditional = discriminator.unconditional(features);
        const loss = discriminatorLoss(
          { conditional: conditional.narrow(0, 0, B), unconditional: unconditional.narrow(0, 0, B) },
          { conditional: conditional.narrow(0, B, B), unconditional: unconditional.narrow(0, B, B) },
          conditional.narrow(0, 2 * B, B - 1),
        );
        const useContrastive = same && contrastive.discriminator && contrastive.weight > 0;
        const total = useContrastive
          ? loss.add(this.#contrastive(fakeFeatures, same).mul(contrastive.weight))
          : loss;
        this.discriminatorOptimizers[i]!.step(grad([total], discriminator.parameters()));
        return loss.detach();
      }),
    );
    return { discriminator: losses };
  }

  #trainGenerator(
    batch: GanBatch,
    { images, mean, logVariance }: Generated,
  ): Omit<GanMetrics, "discriminator"> {
    const { generator, discriminators, contrastive, klWeight, damsmLoss } = this.options;
    const { text, same } = batch;
    const terms: Tensor[] = [];
    const pairTerms: Tensor[] = [];
    for (const [i, discriminator] of discriminators.entries()) {
      discriminator.requiresGrad(false); // Its own gradients are not needed here.
      const features = discriminator.forward(images[i]!);
      const judgement: DiscriminatorLogits = {
        conditional: discriminator.conditional(features, text.sentence),
        unconditional: discriminator.unconditional(features),
      };
      terms.push(generatorLoss(judgement));
      if (same && contrastive.generator && contrastive.weight > 0)
        pairTerms.push(this.#contrastive(features, same));
    }
    const kl = klLoss(mean, logVariance);
    const damsm = damsmLoss?.(images.at(-1)!, batch);
    const pairs =
      pairTerms.length > 0 ? sum(pairTerms).mul(contrastive.weight / pairTerms.length) : undefined;
    const total = sum([...terms, kl.mul(klWeight), ...(damsm ? [damsm] : []), ...(pairs ? [pairs] : [])]);
    this.generatorOptimizer.step(grad([total], generator.parameters()));
    const off = zerosLike(kl);
    return {
      generator: terms.map((term) => term.detach()),
      kl: kl.detach(),
      damsm: damsm?.detach() ?? off,
      contrastive: pairs?.detach() ?? off,
    };
  }

  /** L_c of a discriminator's features [B, 8d, 4, 4] of both branches' images. */
  #contrastive(features: Tensor, same: Tensor): Tensor {
    const [v1, v2] = atLeastFloat32(features).chunk(2, 0) as [Tensor, Tensor];
    return contrastiveLoss(v1, v2, same, this.options.contrastive);
  }
}

function sum(terms: Tensor[]): Tensor {
  return terms.reduce((total, term) => total.add(term));
}
