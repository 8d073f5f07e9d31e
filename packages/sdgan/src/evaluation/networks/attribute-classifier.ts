import { existsSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "@sdgan/core";
import type { Prepared } from "../../data/prepared.js";
import type { Device } from "../../device.js";
import type { AttributeClassifier } from "../../models/attribute-classifier.js";
import { holdRandomStreams } from "../../random-streams.js";
import {
  type Attributes,
  attributeClassifierFile,
  attributeClassifierSize,
  makeAttributeClassifier,
} from "../../training/attribute-classifier-task.js";
import { readTensors, refusing } from "../../training/checkpoint.js";
import { sha256Of } from "../../weights/inception-file.js";
import { describeFit, fit } from "../fit.js";
import type { FeatureExtractor } from "./feature-extractor.js";

/** A trained attribute classifier, in evaluation mode. */
export interface TrainedAttributeClassifier {
  network: AttributeClassifier;
  attributes: Attributes;
}

/** a feature extractor whose classes are the attributes' values, attribute by attribute. */
export interface AttributeExtractor extends FeatureExtractor {
  attributes: Attributes;
}

/** Where the attribute classifier of a run folder lies. */
export function attributeClassifierPath(run: string): string {
  return join(run, "attribute-classifier", attributeClassifierFile);
}

/** The run folder whose attribute classifier looks at images of the run `run`: the one that is asked for, or its own where it has one. */
export function attributeClassifierOf(
  run: string,
  asked: string | undefined,
  data: Pick<Prepared, "attributes">,
): string | undefined {
  return asked ?? (data.attributes && existsSync(attributeClassifierPath(run)) ? run : undefined);
}

/**
 * The attribute classifier of a run folder, for images of `data`.
 * @throws UserError if there is none, or it was trained on other attributes
 */
export function attributeClassifierFor(
  run: string,
  { dir, attributes }: Prepared,
): TrainedAttributeClassifier {
  const file = attributeClassifierPath(run);
  const attributeClassifier = loadAttributeClassifier(file);
  if (JSON.stringify(attributes) === JSON.stringify(attributeClassifier.attributes))
    return attributeClassifier;
  throw new UserError(
    `${file}: was trained on other attributes than the images of ${dir} have: ` +
      `train an attribute classifier on data of the same kind: sdgan train attribute-classifier --config … --data … --run RUN, and give --attribute-classifier RUN`,
    { code: "checkpoint.mismatch" },
  );
}

/**
 * @param run a run folder in which an attribute classifier was trained
 * @param size pixels a side of the images that it will look at
 * @throws UserError if there is none, or it was trained on other attributes than `data` has
 */
export function attributeExtractor(
  run: string,
  { data, size, device }: { data: Prepared; size: number; device: Device },
): AttributeExtractor {
  const file = attributeClassifierPath(run);
  const { network, attributes } = attributeClassifierFor(run, data);
  network.to({ device });
  return {
    attributes,
    about: {
      name: `attribute classifier of ${Object.keys(attributes).length} attributes`,
      ...{ file, sha256: sha256Of(file) },
      features: "before the heads, averaged over places",
      width: network.width * 8,
      resize: describeFit(size, attributeClassifierSize),
    },
    seesClasses: true,
    extract(images) {
      const { features, logits } = network.extract(fit(images, attributeClassifierSize));
      return { features, classes: logits.map((one) => one.softmax(1)) };
    },
  };
}

export function loadAttributeClassifier(path: string): TrainedAttributeClassifier {
  using _ = holdRandomStreams();
  const remedy = "train an attribute classifier first: sdgan train attribute classifier";
  const { tensors, metadata } = readTensors(path, remedy);
  return refusing(path, remedy, () => {
    const attributes = JSON.parse(metadata.attributes ?? "{}") as Attributes;
    const network = makeAttributeClassifier(attributes, Number(metadata.width));
    network.loadStateDict(tensors);
    network.requiresGrad(false).eval().to({ memoryFormat: "channels_last" });
    return { network, attributes };
  });
}
