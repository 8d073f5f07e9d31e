/**
 * Finds a network's weights in a file that has more than its `state_dict`: under a key (`{"netG": …, "epoch": 3}`), under
 * several (`{"model": {"generator": …}}`), beside an optimizer's state, and with the prefixes of wrappers.
 */
import { quote, UserError } from "@sdgan/core";
import { call, type NamedTensor, noGrad, scope, type Tensor } from "@sdgan/torch";

/** A place in a file that has a network's weights. */
export interface Place {
  /** The keys that lead to it, joined by dots: "model.netG"; "" for the file itself. */
  keys: string;
  /** Name → tensor, as the network names them. */
  state: Map<string, Tensor>;
}

/**
 * The places where a file has the network with the tensor `mark`, in the file's order. Wrappers' prefixes are removed from
 * all names: `module.` of DataParallel, `_orig_mod.` of torch.compile.
 *
 * If the mark is one key of a dictionary, other dictionaries in it (an optimizer's state) do not belong to the place.
 *
 * @throws UserError if two tensors have the same name without the prefixes
 */
export function placesOf(path: string, entries: readonly NamedTensor[], mark: string): Place[] {
  const plain = entries.map(withoutWrappers);
  const marked = plain.filter(({ name }) => name === mark || name.endsWith(`.${mark}`));
  if (marked.length > MOST_PLACES)
    throw new UserError(`${path}: has ${mark} in ${marked.length} places; at most ${MOST_PLACES} are read`, {
      code: "file.invalid",
    });
  return marked.map((found) => {
    const begin = found.name.slice(0, found.name.length - mark.length);
    const isOneKey = found.key === mark || found.key.endsWith(`.${mark}`);
    const state = new Map<string, Tensor>();
    for (const entry of plain) {
      if (!entry.name.startsWith(begin) || (isOneKey && holderOf(entry) !== holderOf(found))) continue;
      const name = entry.name.slice(begin.length);
      if (state.has(name))
        throw new UserError(
          `${path}: has ${quote(name)} twice, with and without a prefix: keep one of them`,
          {
            code: "file.invalid",
          },
        );
      state.set(name, entry.tensor);
    }
    return { keys: begin.replace(/\.$/, ""), state };
  });
}

/** Far more than a checkpoint of several networks and their averages has. */
const MOST_PLACES = 64;

/** A file's path for messages, with the place in it. */
export function shownPlace(path: string, { keys }: Place): string {
  return keys === "" ? path : `${path} (${keys})`;
}

/**
 * What a file has beside the tensors `used`: each outermost dictionary without any of them, such as `netD`, with its place and
 * contents.
 */
export function restOf(
  path: string,
  entries: readonly NamedTensor[],
  used: ReadonlySet<Tensor>,
): { path: string; contents: string }[] {
  const usedPlaces = new Set(
    entries.flatMap(({ name, tensor }) => (used.has(tensor) ? beginningsOf(name) : [])),
  );
  const rest = new Map<string, NamedTensor[]>();
  for (const entry of entries) {
    if (used.has(entry.tensor)) continue;
    const place = beginningsOf(entry.name).find((one) => !usedPlaces.has(one)) ?? entry.name;
    const inside = rest.get(place);
    if (inside) inside.push(entry);
    else rest.set(place, [entry]);
  }
  return Array.from(rest, ([keys, inside]) => ({
    path: `${path} (${quote(keys).slice(1, -1)})`,
    contents: tensorsNamed(inside),
  }));
}

/** "a.b.c" → "a", "a.b", "a.b.c"; of a deeper name the first ones. */
function beginningsOf(name: string): string[] {
  const keys = name.split(".", DEEPEST);
  return keys.map((_, i) => keys.slice(0, i + 1).join("."));
}

/** Networks are not deeper in a file; a hostile name may be. */
const DEEPEST = 16;

/** What a file has, for messages: its dictionaries with their numbers of tensors and first names. */
export function contentsOf(entries: readonly NamedTensor[]): string {
  const holders = new Map<string, NamedTensor[]>();
  for (const entry of entries) {
    const holder = holderOf(entry);
    const inside = holders.get(holder);
    if (inside) inside.push(entry);
    else holders.set(holder, [entry]);
  }
  const all = Array.from(holders, ([holder, inside]) => {
    if (inside.length === 1 && holder === "" && inside[0]!.key === "")
      return "it is a single tensor without a name";
    if (holder === "") return `its tensors are named ${firstNames(inside)}`;
    return `${quote(holder)} has ${tensorsNamed(inside)}`;
  });
  return all.length > 4 ? `${all.slice(0, 4).join("; ")}; and ${all.length - 4} more places` : all.join("; ");
}

function tensorsNamed(entries: readonly NamedTensor[]): string {
  const tensors = entries.length === 1 ? "1 tensor" : `${entries.length} tensors`;
  return `${tensors}, named ${firstNames(entries)}`;
}

function firstNames(entries: readonly NamedTensor[]): string {
  const names = entries.slice(0, 3).map(({ key }) => quote(key).slice(1, -1));
  return `${names.join(", ")}${entries.length > names.length ? " …" : ""}`;
}

/**
 * Refuses weights that are NaN or infinite.
 * @throws UserError with the first such tensor, and how many there are
 */
export function requireFinite(path: string, state: ReadonlyMap<string, Tensor>): void {
  const counts = noGrad(() =>
    Array.from(state, ([name, tensor]) => ({ name, tensor, count: nonFinite(tensor) })),
  );
  const [first, ...others] = counts.filter(({ count }) => count > 0);
  if (!first) return;
  const more =
    others.length === 0 ? "" : `, and so do ${others.length} of the other ${counts.length - 1} tensors`;
  throw new UserError(
    `${path}: ${first.name} has ${first.count} of ${first.tensor.numel} weights that are NaN or infinite${more}: ` +
      "its training had failed, so give an earlier checkpoint",
    { code: "file.invalid" },
  );
}

function nonFinite(tensor: Tensor): number {
  if (!/float/.test(tensor.dtype)) return 0;
  return scope(() => tensor.numel - call<Tensor>("isfinite", tensor).to("int64").sum().item());
}

/** The dictionary that a tensor is in. */
function holderOf({ name, key }: NamedTensor): string {
  return name.slice(0, Math.max(0, name.length - key.length - 1));
}

function withoutWrappers({ name, key, tensor }: NamedTensor): NamedTensor {
  const [shortName, shortKey] = [name, key].map((text) =>
    text
      .split(".")
      .filter((part) => !WRAPPERS.has(part))
      .join("."),
  );
  // A key that consists of prefixes is a dictionary's, or a strange tensor's.
  return shortKey ? { name: shortName!, key: shortKey, tensor } : { name, key, tensor };
}

const WRAPPERS = new Set(["module", "_orig_mod"]);
