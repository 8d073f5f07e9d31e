import { quote, UserError } from "@sdgan/core";
import { z } from "zod";
import { CAPTION_BYTES, captionLines, captionText, type FoundCaptions } from "../caption-files.js";
import type { DataFolder } from "../data-folder.js";
import type { Remarks } from "../remarks.js";
import type { Entry } from "./entry.js";
import { isListName } from "./other-lists.js";
import { type CaptionMember, samplesOf } from "./samples.js";
import { splitByHash, splitByName } from "./split.js";
import { readTarIndex, type TarMember } from "./tar.js";

/** Paths of the tar files in a folder and in its split folders. */
export function findShards(data: DataFolder): string[] {
  const splits = data.list().filter(({ name, isFolder }) => isFolder && splitByName([name]));
  return ["", ...splits.map(({ name }) => `${name}/`)].flatMap((place) =>
    data
      .list(place || ".")
      .filter(({ name, isFolder }) => !isFolder && /\.tar$/i.test(name))
      .map(({ name }) => place + name),
  );
}

/**
 * Reads WebDataset's shards: tar files in which members with the same name belong together (`samples.ts`),
 * such as `7.jpg` with `7.txt` or `7.caption` (one caption per line) or with `7.json` (with `caption`,
 * `captions` or `text`). Images that share their captions are a class; any other image is a class of its own.
 * A shard with train, test or validation in its path (`train-000.tar`) belongs to that split; other images
 * are assigned by the hash of their name, one in ten to `test`.
 * Only the tar headers are read here. Images and captions are read from the tar file when they are requested;
 * nothing is unpacked. Members that are not used are reported in `remarks`.
 * Throws a `UserError` for a file that is not a tar file or is truncated, or if no shard has an image.
 */
export function readShards(data: DataFolder, shards: string[], remarks: Remarks): Entry[] {
  const entries = shards.flatMap((shard) => {
    const split = splitByName(shard.split(/[^A-Za-z]+/));
    const unused = (name: string, reason: string) => remarks.unused(`${shard}/${name}`, reason);
    const members = readTarIndex(data, shard, unused);
    const samples = samplesOf(members, unused);
    if (samples.every(({ captions }) => captions === undefined)) refusePackedFolder(data, shard, members);
    return samples.map(({ key, group, image, captions, note }): Entry => {
      if (captions && note !== undefined) remarks.note(`${shard}/${captions.name}`, note);
      return {
        id: `${shard}/${key}`,
        split: split ?? (captions ? splitByHash(group) : "train"),
        className: `${shard}/${group}`,
        ...(!captions && { unusable: true as const }),
        captions: () =>
          captions ? readCaptions(data, shard, captions, remarks) : { captions: [], broken: NO_CAPTIONS },
        stamp: () => data.stamp(shard),
        read: () => readMember(data, shard, image),
      };
    });
  });
  if (entries.length > 0) return entries;
  const [most] = remarks.unusedGroups;
  const found = most ? ` Most of its files are not used: ${most.first}: ${most.reason}.` : "";
  throw new UserError(
    `${data.at(shards[0]!)}: has no images with captions; expected members such as 7.jpg with 7.txt or 7.json.${found}`,
    { code: "data.invalid" },
  );
}

/** Refuses a tar file that has a list in place of captions beside its images: a packed folder, no shard. */
function refusePackedFolder(data: DataFolder, shard: string, members: readonly TarMember[]): void {
  const list = members.find(({ name }) => isListName(name.slice(name.lastIndexOf("/") + 1)));
  if (list === undefined) return;
  throw new UserError(
    `${data.at(shard)}: is a packed folder with the list ${quote(list.name, 60)}, not a WebDataset shard. ` +
      "Unpack it with tar -xf, and give the folder that this makes.",
    { code: "data.invalid" },
  );
}

const NO_CAPTIONS = "has no captions: neither a .txt nor a .caption nor a .json";

async function readCaptions(
  data: DataFolder,
  shard: string,
  member: CaptionMember,
  remarks: Remarks,
): Promise<FoundCaptions> {
  const path = `${shard}/${member.name}`;
  const name = `${data.at(shard)}/${member.name}`;
  try {
    const bytes = await readMember(data, shard, member, CAPTION_BYTES);
    const text = captionText(bytes, path, name, remarks);
    return member.format === "lines" ? captionLines(text, name) : captionsInJson(text, name);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { captions: [], broken: `its captions: ${error.message}` };
  }
}

function readMember(data: DataFolder, shard: string, { offset, size }: TarMember, limit?: number) {
  return data.read(shard, { from: offset, length: size, ...(limit && { limit }) });
}

const texts = z.union([z.string(), z.array(z.string())]).optional();
const jsonSchema = z.object({ caption: texts, captions: texts, text: texts });

function captionsInJson(text: string, name: string): FoundCaptions {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    return { captions: [], broken: `its captions: ${name}: is not JSON` };
  }
  const { data } = jsonSchema.safeParse(content);
  const found = data?.captions ?? data?.caption ?? data?.text;
  if (found === undefined) return { captions: [], broken: `its captions: ${name}: ${withoutText(content)}` };
  return { captions: [found].flat().map((text) => ({ text })) };
}

function withoutText(content: unknown): string {
  const keys = typeof content === "object" && content !== null ? Object.keys(content) : [];
  const known = keys.find((key) => key in jsonSchema.shape);
  if (known !== undefined) return `its "${known}" is neither a text nor a list of texts`;
  const others = keys.slice(0, 5).map((key) => quote(key, 30));
  const has = others.length > 0 ? `; it has ${others.join(", ")}${keys.length > 5 ? ", …" : ""}` : "";
  return `has no text "caption", "captions" or "text"${has}`;
}
