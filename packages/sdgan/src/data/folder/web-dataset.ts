import { UserError } from "@sdgan/core";
import { z } from "zod";
import { CAPTION_BYTES, captionLines, type FoundCaptions } from "../caption-files.js";
import type { DataFolder } from "../data-folder.js";
import type { Remarks } from "../remarks.js";
import type { Entry } from "./entry.js";
import { isImage } from "./image-names.js";
import { splitByHash, splitByName } from "./split.js";
import { readTarIndex, type TarMember } from "./tar.js";

/** Paths of the tar files in a folder and in its split folders. */
export function findShards(data: DataFolder): string[] {
  const splits = data.list().filter(({ name, isFolder }) => isFolder && splitByName([name]));
  return ["", ...splits.map(({ name }) => `${name}/`)].flatMap((place) =>
    data
      .list(place || ".")
      .filter(({ name, isFolder }) => !isFolder && name.endsWith(".tar"))
      .map(({ name }) => place + name),
  );
}

/**
 * Reads WebDataset's shards: tar files in which members with the same name up to the first dot belong
 * together, such as `7.jpg` with `7.txt` (one caption per line) or with `7.json` (with `caption`, `captions`
 * or `text`). Every image is a class of its own. A shard with train, test or validation in its path
 * (`train-000.tar`) belongs to that split; other images are assigned by the hash of their name, one in ten to
 * `test`.
 * Only the tar headers are read here. Images and captions are read from the tar file when they are requested;
 * nothing is unpacked. Throws a `UserError` for a file that is not a tar file or is truncated.
 */
export function readShards(data: DataFolder, shards: string[], remarks: Remarks): Entry[] {
  const entries = shards.flatMap((shard) => {
    const split = splitByName(shard.split(/[^A-Za-z]+/));
    return samplesOf(readTarIndex(data, shard)).map(({ key, members }): Entry => {
      const id = `${shard}/${key}`;
      const { image } = members;
      return {
        id,
        split: split ?? splitByHash(key),
        className: id,
        captions: () => (image ? readCaptions(data, shard, members) : { captions: [], broken: NO_IMAGE }),
        stamp: () => data.stamp(shard),
        read: async () => {
          if (!image) throw new UserError(`${data.at(id)}: ${NO_IMAGE}`, { code: "data.invalid" });
          return readMember(data, shard, image);
        },
      };
    });
  });
  if (entries.length > 0) return entries;
  throw new UserError(
    `${data.at(shards[0]!)}: has no images with captions; expected members such as 7.jpg with 7.txt or 7.json`,
    { code: "data.invalid" },
  );
}

const NO_IMAGE = "has captions but no image";

interface Sample {
  key: string;
  members: { image?: TarMember; txt?: TarMember; json?: TarMember };
}

/**
 * Groups members by their name up to the first dot. Members that are neither image nor captions are ignored.
 */
function samplesOf(members: TarMember[]): Sample[] {
  const samples = new Map<string, Sample>();
  for (const member of members) {
    const [, key, ending = ""] = /^((?:.*\/)?[^./][^./]*)\.([^./]+)$/.exec(member.name) ?? [];
    const part = isImage(member.name) ? "image" : ending.toLowerCase();
    if (key === undefined || (part !== "image" && part !== "txt" && part !== "json")) continue;
    const sample = samples.get(key) ?? { key, members: {} };
    sample.members[part] = member;
    samples.set(key, sample);
  }
  return [...samples.values()];
}

async function readCaptions(
  data: DataFolder,
  shard: string,
  { txt, json }: Sample["members"],
): Promise<FoundCaptions> {
  const member = txt ?? json;
  if (!member) return { captions: [], broken: "has no captions: neither a .txt nor a .json" };
  const name = `${data.at(shard)}/${member.name}`;
  try {
    const text = (await readMember(data, shard, member, CAPTION_BYTES)).toString("utf8");
    return member === txt ? captionLines(text, name) : captionsInJson(text, name);
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
  if (found === undefined) return { captions: [], broken: `its captions: ${name}: has no text "caption"` };
  return { captions: [found].flat().map((text) => ({ text })) };
}
