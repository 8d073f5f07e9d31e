/** What a step of the GAN's training gets. */
import type { Tensor } from "@sdgan/torch";
import type { TextFeatures } from "../models/text-features.js";

/** The batch of a step. With Siamese branches, B/2 pairs: first the first branch's captions, then the second's. */
export interface GanBatch {
  /** Real images at every stage's size, small to large: [B, 3, S, S] in −1 … 1. Their dtype is the step's. */
  real: Tensor[];
  text: TextFeatures;
  /** y: [B/2], 1 where both captions are of one image. Absent without Siamese branches. */
  same?: Tensor;
  /** [B], int64: the classes of the images. InfoNCE does not count images of one class as different. */
  classIds?: Tensor;
  /** Wrong sentences for some of the images, in place of another image's. */
  changed?: ChangedSentences;
  /**
   * With several processes, of which this batch is one's share: captions, pairs and classes of all of them, in the order of
   * a single process's batch, for the losses that compare members of a batch. Absent if this is the whole batch.
   */
  whole?: Pick<GanBatch, "text" | "same" | "classIds">;
}

/** Sentences of captions that were changed so that they do not describe their images. */
export interface ChangedSentences {
  /** [B, D]; any where there is none. */
  sentence: Tensor;
  /** [B, 1], true where there is one. */
  exists: Tensor;
}

/** The random numbers of a step, for tests that provide their own. */
export interface GanNoise {
  /** z: [B, noise] */
  noise: Tensor;
  /** ε of conditioning augmentation: [B, condition] */
  epsilon: Tensor;
}
