/** Inception's weights, from a file that the user names: they are nobody's to ship but their authors'. */

import { UserError } from "@sdgan/core";
import { scope, type Tensor, zeros } from "@sdgan/torch";
import {
  type InceptionTrunk,
  InceptionV3,
  type InceptionVariant,
  inceptionClasses,
} from "../models/inception/inception-v3.js";
import { readWeights } from "./read-weights.js";
import { refusing } from "./tensor-file.js";

/** What to bring for each variant. */
const wanted: Record<InceptionVariant, string> = {
  torchvision: "torchvision's weights (inception_v3_google-0cc3c7bd.pth)",
  fid: "the weights that FID is defined by (pt_inception-2015-12-05-6726825d.pth)",
};

/**
 * Loads weights under torchvision's names. An auxiliary classifier in the file is left out, and so is the classifier
 * where the network has none.
 * @throws UserError that says what the file lacks, has too much, or is instead
 */
export function loadInception(network: InceptionTrunk, path: string): void {
  const { variant } = network;
  const remedy = `give ${wanted[variant]}, or the same tensors as safetensors`;
  scope(() => {
    const tensors = readWeights(path, remedy);
    const found = variantOf(tensors);
    if (found && found !== variant)
      throw new UserError(
        `${path}: has the ${inceptionClasses[found]} classes of ${wanted[found]}; ${remedy}`,
        { code: "file.invalid" },
      );
    refusing(path, remedy, () => network.loadStateDict(stateFor(network, tensors)));
  });
}

/** Of a file's tensors those that the network has, but what is wrong among them too. */
function stateFor(network: InceptionTrunk, tensors: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  const leftOut = network instanceof InceptionV3 ? /^AuxLogits\./ : /^(AuxLogits|fc)\./;
  const state = new Map([...tensors].filter(([name]) => !leftOut.test(name)));
  // Files from before PyTorch 0.4.1 do not count batches.
  for (const name of network.stateDict().keys()) {
    if (name.endsWith(".num_batches_tracked") && !state.has(name))
      state.set(name, zeros([], { dtype: "int64" }));
  }
  return state;
}

/** The variant that a file's classifier tells of. */
function variantOf(tensors: ReadonlyMap<string, Tensor>): InceptionVariant | undefined {
  const classes = tensors.get("fc.bias")?.numel;
  return (["torchvision", "fid"] as const).find((variant) => inceptionClasses[variant] === classes);
}
