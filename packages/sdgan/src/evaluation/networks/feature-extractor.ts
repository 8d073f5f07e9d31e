import type { Tensor } from "@sdgan/torch";
import type { Network } from "../result.js";

/** A network that looks at images: in evaluation mode, in float32, without gradients. */
export interface FeatureExtractor {
  about: Network;
  /** Whether what it sees has `classes`. */
  seesClasses: boolean;
  /** @param images [B, 3, S, S] in −1 … 1, float32 */
  extract(images: Tensor): Features;
}

export interface Features {
  /** [B, D] */
  features: Tensor;
  /** Probabilities [B, values], one or several such. */
  classes: Tensor[];
}
