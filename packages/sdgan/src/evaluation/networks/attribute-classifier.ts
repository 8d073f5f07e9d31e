import {
  type AttributeValues,
  attributeClassifierFor,
  attributeClassifierPath,
  attributeClassifierSize,
} from "../../artifacts/attribute-classifier.js";
import type { Device } from "../../compute/device.js";
import { describeFit, fit } from "../../compute/images.js";
import type { Prepared } from "../../data/prepared.js";
import { sha256Of } from "../../util/sha256.js";
import type { FeatureExtractor } from "./feature-extractor.js";

/** A feature extractor with one head of classes per attribute: the attribute's values. */
export interface AttributeExtractor extends FeatureExtractor {
  attributes: AttributeValues;
}

/**
 * @param run a run folder in which an attribute classifier was trained
 * @param size of the images in pixels
 * @throws UserError if the run has no attribute classifier, or it was trained on other attributes than those
 *   of `data`
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
    hasClasses: true,
    extract(images) {
      const { features, logits } = network.extract(fit(images, attributeClassifierSize));
      return { features, classes: logits.map((one) => one.softmax(1)) };
    },
  };
}
