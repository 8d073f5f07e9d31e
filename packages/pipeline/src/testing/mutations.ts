/** For tests, in Node and in pages: copies of a model's files with one thing wrong. */
import type { Random } from "@sdgan/core";
import { hostileNetworks } from "./hostile-networks.js";
import { type Files, generator, manifestOf, textEncoder } from "./tiny-model.js";

export interface Mutation {
  what: string;
  files: Files;
}

/** A random copy of `files`, which are those of `tinyModel`, that no program may load. */
export async function mutated(files: Files, random: Random): Promise<Mutation> {
  const kind = random.pick(Object.keys(KINDS));
  const copy = { ...files };
  const detail = await KINDS[kind]!(copy, random);
  return { what: `${kind}: ${detail}`, files: copy };
}

type Kind = (files: Files, random: Random) => Promise<string> | string;

const NAMES = ["text-encoder.onnx", "generator.onnx", "vocabulary.json"];
const ALL = [...NAMES, "model.json"];

const KINDS: Record<string, Kind> = {
  truncated(files, random) {
    const name = random.pick(ALL);
    files[name] = files[name]!.slice(0, random.below(files[name]!.length - 2));
    return `${name} after ${files[name].length} bytes`;
  },
  async "truncated with its new hash"(files, random) {
    const name = random.pick(NAMES);
    files[name] = files[name]!.slice(0, random.below(files[name]!.length - 2));
    files["model.json"] = await manifestOf(files);
    return `${name} after ${files[name].length} bytes`;
  },
  longer(files, random) {
    const name = random.pick(NAMES);
    files[name] = Uint8Array.from([...files[name]!, ...new Uint8Array(1 + random.below(1000))]);
    return name;
  },
  "a changed byte"(files, random) {
    const name = random.pick(NAMES);
    files[name] = files[name]!.slice();
    const at = random.below(files[name].length);
    files[name][at]! ^= 1 + random.below(255);
    return `${name} at ${at}`;
  },
  swapped(files, random) {
    const [a, b] = random.shuffled(ALL) as [string, string];
    [files[a], files[b]] = [files[b]!, files[a]!];
    return `${a} and ${b}`;
  },
  async "swapped with their new hashes"(files, random) {
    const [a, b] = random.shuffled(NAMES) as [string, string];
    [files[a], files[b]] = [files[b]!, files[a]!];
    files["model.json"] = await manifestOf(files);
    return `${a} and ${b}`;
  },
  missing(files, random) {
    const name = random.pick(ALL);
    delete files[name];
    return name;
  },
  async "random bytes with their hash"(files, random) {
    const name = random.pick(NAMES);
    files[name] = Uint8Array.from({ length: random.below(3000) }, () => random.below(256));
    files["model.json"] = await manifestOf(files);
    return name;
  },
  "a wrong hash"(files, random) {
    const name = random.pick(NAMES);
    edit(files, (manifest) => {
      const { sha256 } = manifest.files[name]!;
      manifest.files[name]!.sha256 = [...sha256].reverse().join("");
    });
    return name;
  },
  "a wrong size"(files, random) {
    const name = random.pick(NAMES);
    const bytes = random.pick([
      0,
      1,
      files[name]!.length - 1,
      files[name]!.length + 1,
      2 ** 40,
      2 ** 53 - 1,
      -1,
      0.5,
    ]);
    edit(files, (manifest) => {
      manifest.files[name]!.bytes = bytes;
    });
    return `${name} ${bytes}`;
  },
  "huge dimensions"(files, random) {
    const key = random.pick(["images", "noise", "condition", "text", "maxWords", "words"]);
    const value = random.pick([0, -1, 0.5, 999, 4097, 65_536, 2 ** 31, 2 ** 40, 2 ** 53, 1e308]);
    // These would be other limits of the same model, not a broken one.
    const size = key === "maxWords" && value === 999 ? 2 ** 20 : value;
    edit(files, (manifest) => {
      if (key === "images")
        manifest.sizes.images = random.pick([[size], [size, 2 * size], new Array(10_000).fill(8)]);
      else if (key === "words") manifest.vocabulary.words = size;
      else manifest.sizes[key] = size;
    });
    return `${key} ${size}`;
  },
  "a hostile file name"(files, random) {
    const name = random.pick(HOSTILE_NAMES);
    const place = random.pick(["textEncoder", "generator", "vocabulary"]);
    edit(files, (manifest) => {
      const named = place === "vocabulary" ? manifest.vocabulary : manifest.networks[place]!;
      const entry = manifest.files[named.file]!;
      delete manifest.files[named.file];
      named.file = name;
      Object.defineProperty(manifest.files, name, { value: entry, enumerable: true });
    });
    return `${place} ${JSON.stringify(name)}`;
  },
  "a hostile text"(files, random) {
    const text = random.pick([
      "\x1b[2J\x1b[H",
      "birds\n\nUserError: ok",
      "\u202ednuos",
      "\0",
      "x".repeat(100_000),
      "",
    ]);
    const key = random.pick(["name", "description", "license"]);
    edit(files, (manifest) => {
      manifest[key] = text;
    });
    return `${key} ${JSON.stringify(text.slice(0, 20))}`;
  },
  "a key without value"(files, random) {
    const path: string[] = [];
    edit(files, (manifest) => {
      let at: Record<string, unknown> = manifest;
      for (;;) {
        const key = random.pick(Object.keys(at));
        path.push(key);
        const value = at[key];
        if (
          value !== null &&
          typeof value === "object" &&
          Object.keys(value).length > 0 &&
          random.chance(0.8)
        ) {
          at = value as Record<string, unknown>;
          continue;
        }
        at[key] = null;
        return;
      }
    });
    return path.join(".");
  },
  "another JSON"(files, random) {
    const text = random.pick([
      "null",
      "[]",
      "7",
      '"model"',
      "[".repeat(50_000),
      "",
      "{}",
      '{"__proto__":{"format":1}}',
    ]);
    files["model.json"] = new TextEncoder().encode(text);
    return text.slice(0, 20);
  },
  async "a hostile network"(files, random) {
    const what = random.pick(Object.keys(hostileNetworks));
    const name = random.pick(["text-encoder.onnx", "generator.onnx"]);
    files[name] = hostileNetworks[what]!.file;
    files["model.json"] = await manifestOf(files);
    return `${name} ${what}`;
  },
  async "a network with other inputs"(files, random) {
    const name = random.pick(["text-encoder.onnx", "generator.onnx"]);
    // A second input or output of another name.
    const more = Uint8Array.of(random.pick([0x5a, 0x62]), 3, 0x0a, 1, 0x78);
    files[name] = (name === "generator.onnx" ? generator : textEncoder)([more]);
    files["model.json"] = await manifestOf(files);
    return name;
  },
};

const HOSTILE_NAMES = [
  ...["../generator.onnx", "/etc/passwd", "a/b", "..", ".", "", "..\\..\\x", "C:\\x", "%2e%2e%2fx", "a\0b"],
  ...[
    "__proto__",
    "file:///etc/passwd",
    "https://example.org/x",
    "//example.org/x",
    "?x",
    "#x",
    "a\nb",
    "~/.ssh/id",
  ],
  ...[" generator.onnx", "\u202exnno", "ｇenerator.onnx", "x".repeat(101), ".hidden", "-rf"],
];

/** A manifest as JSON, as far as it is changed here. */
interface Json extends Record<string, unknown> {
  sizes: Record<string, unknown>;
  networks: Record<string, { file: string }>;
  vocabulary: { file: string; words: number };
  files: Record<string, { sha256: string; bytes: number }>;
}

function edit(files: Files, change: (manifest: Json) => void): void {
  const manifest = JSON.parse(new TextDecoder().decode(files["model.json"])) as Json;
  change(manifest);
  files["model.json"] = Uint8Array.from(new TextEncoder().encode(JSON.stringify(manifest)));
}
