import type { Tensor } from "@sdgan/torch";
import type { Network } from "../result.js";

/** A network that extracts features from images: in evaluation mode, in float32, without gradients. */
export interface FeatureExtractor {
  about: Network;
  /** Whether its features have `classes`. */
  hasClasses: boolean;
  /** @param images [B, 3, S, S] in −1 … 1, float32 */
  extract(images: Tensor): Features;
}

export interface Features {
  /** [B, D] */
  features: Tensor;
  /** Class probabilities [B, values] per head; empty without classes. */
  classes: Tensor[];
}
