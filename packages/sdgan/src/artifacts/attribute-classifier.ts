/** The attribute classifier of a run. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "@sdgan/core";
import { holdRandomStreams } from "../compute/random-streams.js";
import type { Prepared } from "../data/prepared.js";
import { AttributeClassifier } from "../models/attribute-classifier.js";
import { readTensors, refusing } from "./tensor-file.js";

/** The file of the trained network, in the attribute classifier's run folder. */
export const attributeClassifierFile = "attribute-classifier.safetensors";

/** Pixels per side of the attribute classifier's input. */
export const attributeClassifierSize = 64;

/** Attributes by name, each with its possible values. */
export type AttributeValues = Record<string, string[]>;

export function makeAttributeClassifier(attributes: AttributeValues, width: number): AttributeClassifier {
  return new AttributeClassifier(
    Object.values(attributes).map((values) => values.length),
    width,
  );
}

/** A trained attribute classifier, in evaluation mode. */
export interface TrainedAttributeClassifier {
  network: AttributeClassifier;
  attributes: AttributeValues;
}

/** The path of the attribute classifier in a run folder. */
export function attributeClassifierPath(run: string): string {
  return join(run, "attribute-classifier", attributeClassifierFile);
}

/** The run folder whose attribute classifier evaluates the run `run`: `requested`, otherwise `run` itself if it has one. */
export function attributeClassifierOf(
  run: string,
  requested: string | undefined,
  data: Pick<Prepared, "attributes">,
): string | undefined {
  return requested ?? (data.attributes && existsSync(attributeClassifierPath(run)) ? run : undefined);
}

/**
 * Loads the attribute classifier of a run folder, for images of `data`.
 * @throws UserError if there is none or it was trained on other attributes
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
    `${file}: was trained on other attributes than those of ${dir}: ` +
      `train an attribute classifier on data of the same kind: sdgan train attribute-classifier --config … --data … --run RUN, and give --attribute-classifier RUN`,
    { code: "checkpoint.mismatch" },
  );
}

function loadAttributeClassifier(path: string): TrainedAttributeClassifier {
  using _ = holdRandomStreams();
  const remedy = "train an attribute classifier first: sdgan train attribute-classifier";
  const { tensors, metadata } = readTensors(path, remedy);
  return refusing(path, remedy, () => {
    const attributes = JSON.parse(metadata.attributes ?? "{}") as AttributeValues;
    const network = makeAttributeClassifier(attributes, Number(metadata.width));
    network.loadStateDict(tensors);
    network.requiresGrad(false).eval().to({ memoryFormat: "channels_last" });
    return { network, attributes };
  });
}
