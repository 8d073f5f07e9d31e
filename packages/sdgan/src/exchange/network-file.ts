import { UserError } from "@sdgan/core";
import type { NamedTensor, Tensor } from "@sdgan/torch";
import { readWeights } from "../artifacts/read-weights.js";
import { contentsOf, placesOf, requireFinite, restOf, shownPlace } from "../artifacts/wrapped-weights.js";

/** The kinds of a model's networks. */
export type Role = "generator" | "text" | "image" | "discriminator";

export const roles: readonly Role[] = ["generator", "text", "image", "discriminator"];

/** One network's weights. */
export interface NetworkFile {
  /** Its file, followed by its place in the file if that has more: "checkpoint.pth (netG)". */
  path: string;
  /** The file alone. */
  file: string;
  role: Role;
  /** Name → tensor, without wrappers' prefixes such as DataParallel's `module.`. */
  state: Map<string, Tensor>;
}

/** Tensors that only this network has, in AttnGAN; then those of this project's own variants. */
export const marks: Record<Role, readonly [string, ...string[]]> = {
  generator: ["ca_net.fc.weight"],
  text: ["rnn.weight_hh_l0"],
  image: ["emb_features.weight", "toRegions.weight"],
  discriminator: ["COND_DNET.outlogits.0.weight"],
};

export const roleNames: Record<Role, string> = {
  generator: "generator",
  text: "text encoder",
  image: "image encoder",
  discriminator: "discriminator",
};

/** A part of a file that is none of AttnGAN's networks. */
export interface UnusedPart {
  /** The file and the place in it: "checkpoint.pth (netD)". */
  path: string;
  /** "3 tensors, named conv1.weight, conv1.bias, conv2.weight" */
  contents: string;
}

/**
 * All of AttnGAN's networks in a file, and what else it has: a safetensors file or a PyTorch checkpoint, by its content, or an
 * index of several files.
 * @throws UserError that names the file, and what it has if there is no network
 */
export function readNetworks(path: string): { networks: NetworkFile[]; unused: UnusedPart[] } {
  const entries = readWeights(path, REMEDY);
  const networks = roles.flatMap((role) => networksIn(path, entries, role, [marks[role][0]]));
  if (networks.length === 0) throw noNetwork(path, entries);
  const used = new Set(networks.flatMap(({ state }) => [...state.values()]));
  return { networks, unused: restOf(path, entries, used) };
}

/**
 * The network of one role in a file that is known to have it.
 * @throws UserError that says what the file has, unless exactly one place has the network
 */
export function readNetwork(path: string, role: Role): NetworkFile {
  const entries = readWeights(path, REMEDY);
  const [network, another] = networksIn(path, entries, role);
  if (!network) throw noNetwork(path, entries, role);
  if (another)
    throw new UserError(
      `${path}: has more than one ${roleNames[role]}, ${network.path} and ${another.path}: save the state_dict that is ` +
        "wanted in a file of its own",
      { code: "file.invalid" },
    );
  return network;
}

const REMEDY = "give the file of a network's state_dict";

function networksIn(
  path: string,
  entries: readonly NamedTensor[],
  role: Role,
  names: readonly string[] = marks[role],
): NetworkFile[] {
  const places = names.flatMap((mark) => placesOf(path, entries, mark));
  return places.map((place) => {
    const shown = shownPlace(path, place);
    requireFinite(shown, place.state);
    return { path: shown, file: path, role, state: place.state };
  });
}

/** The refusal of a file that lacks a network, or the network of this role. */
function noNetwork(path: string, entries: readonly NamedTensor[], wanted?: Role): UserError {
  const has = (mark: string) => placesOf(path, entries, mark).length > 0;
  const other = roles.find((role) => marks[role].some(has));
  const expected = (wanted ? [wanted] : roles).map((role) => marks[role][0]).join(", ");
  const what =
    wanted && other
      ? `is the ${roleNames[other]}, not the ${roleNames[wanted]}: expected ${expected}`
      : has("Conv2d_1a_3x3.conv.weight")
        ? "is Inception-v3 alone, as torchvision has it or FID uses it, not DAMSM's image encoder, which also has " +
          "emb_features and emb_cnn_code: give AttnGAN's image_encoder200.pth"
        : has("conditioning.fc.weight")
          ? "is a generator with this project's names: write its run with sdgan export, and give those files to " +
            "sdgan import weights"
          : `is not a network of AttnGAN: ${contentsOf(entries)}; expected ${wanted ? "" : "one of "}${expected}`;
  return new UserError(`${path}: ${what}`, { code: "file.invalid" });
}
