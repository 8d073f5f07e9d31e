/**
 * Named-attribute accuracy: of the attributes that a caption names, the share that the reader sees in a picture.
 * The truth is known for drawn data, so meaning is measured without a person.
 */
import { type DType, inferenceMode, scope, type Tensor } from "@sdgan/torch";
import type { Choice } from "../data/batch.js";
import type { Split } from "../data/dataset.js";
import type { Prepared } from "../data/prepared.js";
import type { Reader } from "../models/reader.js";
import { readTensors } from "../training/checkpoint.js";
import { type Attributes, makeReader, readerSize } from "../training/reader-trainee.js";
import { resize } from "../training/tensors.js";

export interface ReaderScore {
  /** Over all attributes named. */
  accuracy: number;
  /** By attribute. */
  byAttribute: Record<string, number>;
  /** What guessing among an attribute's values would reach. */
  chance: number;
  /** Attributes named in all. */
  named: number;
}

/** A trained reader, in evaluation mode. */
export interface TrainedReader {
  network: Reader;
  attributes: Attributes;
}

export function loadReader(path: string): TrainedReader {
  const { tensors, metadata } = readTensors(path, "train a reader first: sdgan train reader");
  const attributes = JSON.parse(metadata.attributes ?? "{}") as Attributes;
  const network = makeReader(attributes, Number(metadata.width));
  network.loadStateDict(tensors);
  network.requiresGrad(false).eval().to({ memoryFormat: "channels_last" });
  return { network, attributes };
}

/** Counts what a reader sees against what captions name, batch after batch. */
export class ReaderScorer {
  readonly #seen = new Map<string, { right: number; named: number }>();
  #chance = 0;

  constructor(
    readonly reader: TrainedReader,
    readonly data: Prepared,
    readonly split: Split = "test",
    readonly dtype: DType = "float32",
  ) {}

  /** @param images pictures [B, 3, S, S] in −1 … 1 that were drawn from, or belong to, the captions of `choices` */
  add(images: Tensor, choices: readonly Choice[]): void {
    const { network, attributes } = this.reader;
    const names = Object.keys(attributes);
    const { device } = network.parameters()[0]!;
    const read = inferenceMode(() =>
      scope(() =>
        network
          .forward(resize(images.to({ dtype: this.dtype, device }), readerSize))
          .map((logits) => logits.argmax(1).toNumbers()),
      ),
    );
    for (const [b, { picture, caption }] of choices.entries()) {
      const { attributes: truth, captions } = this.data.splits[this.split].pictures.at(picture);
      for (const name of captions[caption]!.names ?? []) {
        const count = this.#seen.get(name) ?? { right: 0, named: 0 };
        count.named += 1;
        if (read[names.indexOf(name)]![b] === truth![name]) count.right += 1;
        this.#seen.set(name, count);
        this.#chance += 1 / attributes[name]!.length;
      }
    }
  }

  score(): ReaderScore {
    const counts = [...this.#seen.values()];
    const named = counts.reduce((sum, count) => sum + count.named, 0);
    return {
      accuracy: counts.reduce((sum, { right }) => sum + right, 0) / named,
      byAttribute: Object.fromEntries(
        [...this.#seen].map(([name, { right, named: n }]) => [name, right / n]),
      ),
      chance: this.#chance / named,
      named,
    };
  }
}
