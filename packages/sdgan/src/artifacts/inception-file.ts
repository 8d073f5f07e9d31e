/** Inception's weights, from a file that the user gives: they are not redistributable. */

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

/** The file that each variant needs. */
const expected: Record<InceptionVariant, string> = {
  torchvision: "torchvision's weights (inception_v3_google-0cc3c7bd.pth)",
  fid: "FID's Inception weights (pt_inception-2015-12-05-6726825d.pth)",
};

/**
 * Loads weights with torchvision's names. An auxiliary classifier in the file is ignored, and so is the classifier if the
 * network has none.
 * @throws UserError that says what is missing from the file, unexpected in it, or what the file is instead
 */
export function loadInception(network: InceptionTrunk, path: string): void {
  const { variant } = network;
  const remedy = `give ${expected[variant]}, or the same tensors as safetensors`;
  scope(() => {
    const tensors = readWeights(path, remedy);
    const found = variantOf(tensors);
    if (found && found !== variant)
      throw new UserError(
        `${path}: has the ${inceptionClasses[found]} classes of ${expected[found]}; ${remedy}`,
        { code: "file.invalid" },
      );
    refusing(path, remedy, () => network.loadStateDict(stateFor(network, tensors)));
  });
}

/** A file's tensors without the ignored ones. Unexpected tensors stay, so that `loadStateDict` reports them. */
function stateFor(network: InceptionTrunk, tensors: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  const ignored = network instanceof InceptionV3 ? /^AuxLogits\./ : /^(AuxLogits|fc)\./;
  const state = new Map([...tensors].filter(([name]) => !ignored.test(name)));
  // Files from before PyTorch 0.4.1 have no batch counts.
  for (const name of network.stateDict().keys()) {
    if (name.endsWith(".num_batches_tracked") && !state.has(name))
      state.set(name, zeros([], { dtype: "int64" }));
  }
  return state;
}

/** The variant, by the number of classes of the file's classifier; undefined if the file has none. */
function variantOf(tensors: ReadonlyMap<string, Tensor>): InceptionVariant | undefined {
  const classes = tensors.get("fc.bias")?.numel;
  return (["torchvision", "fid"] as const).find((variant) => inceptionClasses[variant] === classes);
}
