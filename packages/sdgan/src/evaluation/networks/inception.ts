import { loadInception } from "../../artifacts/inception-file.js";
import type { Device } from "../../compute/device.js";
import { holdRandomStreams } from "../../compute/random-streams.js";
import { InceptionV3 } from "../../models/inception/inception-v3.js";
import { stretchLikeTensorflow } from "../../models/inception/resize.js";
import { sha256Of } from "../../util/sha256.js";
import type { FeatureExtractor } from "./feature-extractor.js";

/**
 * The Inception-v3 that FID is defined by. Features are its pool3, classes those of its classifier.
 * @throws UserError if the file does not have the weights of this network
 */
export function inceptionExtractor(file: string, device: Device): FeatureExtractor {
  const sha256 = sha256Of(file);
  using _ = holdRandomStreams(); // A new network samples random weights before they are loaded.
  const network = new InceptionV3("fid");
  loadInception(network, file);
  network.eval().to({ device, memoryFormat: "channels_last" });
  return {
    about: {
      name: "Inception-v3 of 2015, which FID is defined by",
      ...{ file, sha256 },
      features: "pool3",
      width: 2048,
      resize: "stretched to 299 pixels as TensorFlow 1 does, bilinear",
    },
    hasClasses: true,
    extract(images) {
      const { pool3, logits } = network.forward(stretchLikeTensorflow(images));
      return { features: pool3, classes: [logits.softmax(1)] };
    },
  };
}
