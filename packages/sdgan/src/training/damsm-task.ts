/** Training of DAMSM: text encoder and image encoder learn which caption belongs to which image. */

import { join } from "node:path";
import { type Config, damsmImageSize, UserError } from "@sdgan/core";
import { grad, noGrad, optim, saveSafetensors, scope, type Tensor, withAllCores } from "@sdgan/torch";
import type { Compute } from "../compute.js";
import type { LoaderState } from "../data/epoch-order.js";
import { Loader } from "../data/loader.js";
import { Prefetcher } from "../data/prefetcher.js";
import type { Prepared } from "../data/prepared.js";
import type { Device } from "../device.js";
import { type Gamma, sentenceLoss, wordsLoss } from "../losses/damsm.js";
import { ConvolutionalImageEncoder, type ImageEncoder } from "../models/image-encoder.js";
import { InceptionImageEncoder } from "../models/inception-image-encoder.js";
import { TextEncoder } from "../models/text-encoder.js";
import type { TextFeatures } from "../models/text-features.js";
import { randomState, restoreRandomState } from "../random-streams.js";
import { writeAtomic } from "../run/atomic-file.js";
import type { ActiveRun } from "../run/run-folder.js";
import { joinStates, readTensors, stateUnder, type TrainingState } from "./checkpoint.js";
import type { TrainingTask } from "./loop.js";
import { classIdsOf, resize, tensorOf, tokensOf } from "./tensors.js";

/** Text encoder and image encoder. */
export interface Damsm {
  text: TextEncoder;
  image: ImageEncoder;
}

export function makeDamsm(config: Config, vocabularySize: number): Damsm {
  const { text, damsm } = config;
  return {
    text: new TextEncoder({ vocabularySize, ...text }),
    image:
      damsm.encoder === "inception"
        ? new InceptionImageEncoder(text.width)
        : new ConvolutionalImageEncoder({ ...damsm, textWidth: text.width }),
  };
}

/** A trained DAMSM, frozen: in evaluation mode, and without gradients of its own. */
export function loadDamsm(path: string, config: Config, vocabularySize: number): Damsm {
  const { tensors } = readTensors(path, "train DAMSM first: sdgan train damsm");
  const damsm = makeDamsm(config, vocabularySize);
  for (const [name, network] of Object.entries(damsm)) {
    network.loadStateDict(stateUnder(tensors, name));
    network.requiresGrad(false).eval();
  }
  return damsm;
}

/** Takes both encoders to a device, in the layout that they compute in. */
export function moveDamsm(damsm: Damsm, device: Device): Damsm {
  damsm.text.to({ device });
  damsm.image.to({ device, memoryFormat: "channels_last" });
  return damsm;
}

/** All four losses added up: by words and by sentence, image to caption and back. */
export function damsmLosses(
  damsm: Damsm,
  images: Tensor,
  { words, sentence, mask }: TextFeatures,
  classIds: Tensor,
  config: Config["damsm"],
): { words: Tensor; sentence: Tensor } {
  const gamma = config.gamma as Gamma;
  const resized = config.encoder === "convolutional" ? resize(images, config.imageSize) : images;
  const { regions, code } = damsm.image.forward(resized);
  const byWords = wordsLoss(regions, words, mask, gamma, classIds);
  const bySentence = sentenceLoss(code, sentence, gamma, classIds);
  return {
    words: byWords.imageToText.add(byWords.textToImage),
    sentence: bySentence.imageToText.add(bySentence.textToImage),
  };
}

export class DamsmTask implements TrainingTask, AsyncDisposable {
  readonly #damsm: Damsm;
  readonly #config: Config;
  readonly #prefetcher: Prefetcher<ReturnType<Loader["plan"]>>;
  readonly #optimizer: optim.Adam;
  readonly #textParameters: number;
  readonly #compute: Compute;

  /** @param networks as `makeDamsm` makes them */
  constructor(config: Config, data: Prepared, networks: Damsm, compute: Compute) {
    requireClasses(data);
    const { damsm, seed } = config;
    this.#config = config;
    this.#compute = compute;
    this.#damsm = moveDamsm(networks, compute.device);
    const planner = new Loader({ data, split: "train", batch: damsm.batch, seed, ...config.data });
    const [sizes, { workers }] = [[damsmImageSize(config)], config.data];
    this.#prefetcher = withAllCores(() => new Prefetcher({ planner, data, split: "train", sizes, workers }));
    const { text, image } = this.#damsm;
    this.#textParameters = text.parameters().length;
    const trained = [...image.namedParameters("image.")].filter(([, { requiresGrad }]) => requiresGrad);
    this.#optimizer = new optim.Adam([...text.namedParameters("text."), ...trained], damsm);
  }

  get steps(): number {
    return this.#optimizer.steps;
  }

  get device(): Device {
    return this.#compute.device;
  }

  async step(): Promise<Record<string, Tensor>> {
    const { damsm } = this.#config;
    // As the published code: no further decay below a tenth.
    this.#optimizer.learningRate = damsm.learningRate * Math.max(0.1, damsm.decay ** this.#prefetcher.epoch);
    const { branches, images } = await this.#prefetcher.next();
    return scope(() => {
      const { device } = this.#compute;
      const { tokens, lengths } = tokensOf(branches, device);
      const text = this.#damsm.text.forward(tokens, lengths);
      const real = tensorOf(images[0]!, this.#compute);
      const losses = damsmLosses(this.#damsm, real, text, classIdsOf(branches, device), damsm);
      const gradients = grad([losses.words.add(losses.sentence)], [...this.#optimizer.parameters.values()]);
      optim.clipGradNorm(gradients.slice(0, this.#textParameters), damsm.clip);
      this.#optimizer.step(gradients);
      return { words: losses.words.detach(), sentence: losses.sentence.detach() };
    });
  }

  state(): TrainingState {
    return {
      tensors: joinStates({
        text: this.#damsm.text.stateDict(),
        image: this.#damsm.image.stateDict(),
        adam: this.#optimizer.stateDict(),
        random: randomState(this.#compute.device),
      }),
      values: { steps: this.steps, loader: this.#prefetcher.state() },
    };
  }

  restore({ tensors, values }: TrainingState): void {
    this.#damsm.text.loadStateDict(stateUnder(tensors, "text"));
    this.#damsm.image.loadStateDict(stateUnder(tensors, "image"));
    this.#optimizer.loadStateDict(stateUnder(tensors, "adam"), values.steps as number);
    this.#prefetcher.restore(values.loader as LoaderState);
    restoreRandomState(this.#compute.device, stateUnder(tensors, "random"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#prefetcher[Symbol.asyncDispose]();
  }

  publish(run: ActiveRun): void {
    publishDamsm(run.path, this.#damsm);
  }
}

/** Writes the trained networks into `folder`, DAMSM's run folder. */
export function publishDamsm(folder: string, { text, image }: Damsm): void {
  writeAtomic(join(folder, damsmFile), (path) =>
    noGrad(() => saveSafetensors(path, joinStates({ text: text.stateDict(), image: image.stateDict() }))),
  );
}

/** Captions of an image's own class are never wrong answers: with one class there is nothing to learn from. */
function requireClasses({ dir, splits }: Prepared): void {
  const classIds = new Set<number>();
  for (const { classId } of splits.train.images) {
    classIds.add(classId);
    if (classIds.size > 1) return;
  }
  if (classIds.size === 0) return; // The loader tells of that.
  throw new UserError(
    `${dir}: all images to train on are of one class, and DAMSM never holds captions of a class against each other, ` +
      "so it would learn nothing: prepare the data with classes, or without any, which makes each image its own",
    { code: "data.invalid" },
  );
}

/** The trained networks, in DAMSM's run folder. */
export const damsmFile = "damsm.safetensors";
