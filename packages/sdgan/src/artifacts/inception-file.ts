/** Inception's weights, from a file that the user gives: they are not redistributable. */

import { UserError } from "@sdgan/core";
import { type NamedTensor, scope, type Tensor, zeros } from "@sdgan/torch";
import {
  type InceptionTrunk,
  InceptionV3,
  type InceptionVariant,
  inceptionClasses,
} from "../models/inception/inception-v3.js";
import { readWeights } from "./read-weights.js";
import { refusing } from "./tensor-file.js";
import { contentsOf, type Place, placesOf, requireFinite, shownPlace } from "./wrapped-weights.js";

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
    const entries = readWeights(path, remedy);
    const { keys, state: tensors } = inceptionIn(path, entries, remedy);
    const found = variantOf(tensors);
    if (found && found !== variant)
      throw new UserError(
        `${path}: has the ${inceptionClasses[found]} classes of ${expected[found]}; ${remedy}`,
        { code: "file.invalid" },
      );
    const shown = shownPlace(path, { keys, state: tensors });
    requireFinite(shown, tensors);
    refusing(shown, remedy, () => network.loadStateDict(stateFor(network, tensors)));
  });
}

/** The only Inception in a file, which is not DAMSM's. */
function inceptionIn(path: string, entries: readonly NamedTensor[], remedy: string): Place {
  const has = (mark: string) => placesOf(path, entries, mark).length > 0;
  const refused = (what: string) => new UserError(`${path}: ${what}; ${remedy}`, { code: "file.invalid" });
  if (has("emb_features.weight") || has("toRegions.weight"))
    throw refused("is DAMSM's image encoder, which is not Inception-v3 alone");
  const [place, another] = placesOf(path, entries, FIRST);
  if (another)
    throw refused(`has Inception-v3 in more than one place, ${place!.keys || "itself"} and ${another.keys}`);
  if (place) return place;
  if (has("rnn.weight_hh_l0")) throw refused("is DAMSM's text encoder, not Inception-v3");
  throw refused(`is not Inception-v3: ${FIRST} is missing; ${contentsOf(entries)}`);
}

/** The first weights of Inception-v3, in torchvision's names. */
const FIRST = "Conv2d_1a_3x3.conv.weight";

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
