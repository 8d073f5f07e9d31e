import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Prepared } from "../../data/prepared.js";
import type { Device } from "../../device.js";
import { UserError } from "../../errors.js";
import type { Reader } from "../../models/reader.js";
import { holdRandomStreams } from "../../random-streams.js";
import { readTensors, refusing } from "../../training/checkpoint.js";
import { type Attributes, makeReader, readerFile, readerSize } from "../../training/reader-trainee.js";
import { sha256Of } from "../../weights/inception-file.js";
import { describeFit, fit } from "../fit.js";
import type { Onlooker } from "./onlooker.js";

/** A trained reader, in evaluation mode. */
export interface TrainedReader {
  network: Reader;
  attributes: Attributes;
}

/** An onlooker whose classes are the attributes' values, attribute by attribute. */
export interface ReaderOnlooker extends Onlooker {
  attributes: Attributes;
}

/** Where the reader of a run folder lies. */
export function readerPath(run: string): string {
  return join(run, "reader", readerFile);
}

/** The run folder whose reader looks at pictures of the run `run`: the one that is asked for, or its own where it has one. */
export function readerOf(
  run: string,
  asked: string | undefined,
  data: Pick<Prepared, "attributes">,
): string | undefined {
  return asked ?? (data.attributes && existsSync(readerPath(run)) ? run : undefined);
}

/**
 * The reader of a run folder, for pictures of `data`.
 * @throws UserError if there is none, or it was trained on other attributes
 */
export function readerFor(run: string, { dir, attributes }: Prepared): TrainedReader {
  const file = readerPath(run);
  const reader = loadReader(file);
  if (JSON.stringify(attributes) === JSON.stringify(reader.attributes)) return reader;
  throw new UserError(
    `${file}: was trained on other attributes than the pictures of ${dir} have: ` +
      `train a reader on data of the same kind: sdgan train reader --config … --data … --run RUN, and give --reader RUN`,
  );
}

/**
 * @param run a run folder in which a reader was trained
 * @param size pixels a side of the pictures that it will look at
 * @throws UserError if there is none, or it was trained on other attributes than `data` has
 */
export function readerOnlooker(
  run: string,
  { data, size, device }: { data: Prepared; size: number; device: Device },
): ReaderOnlooker {
  const file = readerPath(run);
  const { network, attributes } = readerFor(run, data);
  network.to({ device });
  return {
    attributes,
    about: {
      name: `reader of ${Object.keys(attributes).length} attributes`,
      ...{ file, sha256: sha256Of(file) },
      features: "before the heads, averaged over places",
      width: network.width * 8,
      resize: describeFit(size, readerSize),
    },
    seesClasses: true,
    look(images) {
      const { features, logits } = network.look(fit(images, readerSize));
      return { features, classes: logits.map((one) => one.softmax(1)) };
    },
  };
}

export function loadReader(path: string): TrainedReader {
  using _ = holdRandomStreams();
  const remedy = "train a reader first: sdgan train reader";
  const { tensors, metadata } = readTensors(path, remedy);
  return refusing(path, remedy, () => {
    const attributes = JSON.parse(metadata.attributes ?? "{}") as Attributes;
    const network = makeReader(attributes, Number(metadata.width));
    network.loadStateDict(tensors);
    network.requiresGrad(false).eval().to({ memoryFormat: "channels_last" });
    return { network, attributes };
  });
}
