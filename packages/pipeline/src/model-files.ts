import { type ModelManifest, parseManifest, quote, UserError, Vocabulary, visible } from "@sdgan/core";
import { checkGenerator, checkTextEncoder } from "./onnx/check-network.js";
import { sha256Of } from "./sha256.js";

/** The place of a model's files: a folder or a URL. */
export interface ModelSource {
  /** The folder or the URL, for messages. */
  where: string;
  /**
   * Reads a file of the model.
   * @param name a file's name, without folders
   * @throws UserError `file.missing` if there is none, `file.invalid` if it is larger than `limit` bytes
   */
  read(name: string, options: ReadOptions): Promise<Uint8Array<ArrayBuffer>>;
}

export interface ReadOptions {
  /** Larger files are refused before they are in memory. */
  limit: number;
  signal?: AbortSignal | undefined;
  /** Called with the number of bytes of each part that has arrived. */
  onBytes?: ((bytes: number) => void) | undefined;
}

/** How much of a model has been read. */
export interface LoadProgress {
  /** Bytes, of all files together. */
  loaded: number;
  total: number;
}

/** A model whose files are those of its manifest, and whose networks are safe to run. */
export interface ModelFiles {
  where: string;
  manifest: ModelManifest;
  vocabulary: Vocabulary;
  /** ONNX files. */
  textEncoder: Uint8Array<ArrayBuffer>;
  generator: Uint8Array<ArrayBuffer>;
}

/**
 * Reads and checks a model: the manifest, the size and SHA-256 of each file that it needs, the vocabulary, and what
 * the networks contain.
 * @param maxBytes of all files together
 * @throws UserError naming the file, or the reason of `signal`
 */
export async function readModelFiles(
  source: ModelSource,
  {
    maxBytes,
    signal,
    onProgress,
  }: {
    maxBytes: number;
    signal?: AbortSignal | undefined;
    onProgress?: ((progress: LoadProgress) => void) | undefined;
  },
): Promise<ModelFiles> {
  const where = (name: string) => pathIn(source.where, name);
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const manifestBytes = await source.read("model.json", { limit: MOST_MANIFEST_BYTES, signal });
  const manifest = parseManifest(decode(manifestBytes), where("model.json"));
  const { networks, vocabulary } = manifest;
  const names = [vocabulary.file, networks.textEncoder.file, networks.generator.file] as const;
  const total = names.reduce((sum, name) => sum + manifest.files[name]!.bytes, 0);
  if (total > maxBytes)
    throw new UserError(
      `${visible(source.where)}: a model of ${total} bytes, more than the limit of ${maxBytes}; if you trust it, raise maxBytes.`,
      { code: "model.invalid" },
    );

  let loaded = 0;
  const onBytes = (bytes: number) => {
    loaded += bytes;
    onProgress?.({ loaded: Math.min(loaded, total), total });
  };
  // The first file that fails ends the others.
  const stop = new AbortController();
  const both = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  const verified = async (name: string) => {
    const expected = manifest.files[name]!;
    const bytes = await source.read(name, { limit: expected.bytes, signal: both, onBytes });
    if (bytes.length !== expected.bytes || (await sha256Of(bytes)) !== expected.sha256)
      throw notThatFile(where(name), bytes.length, expected.bytes);
    return bytes;
  };
  let files: Uint8Array<ArrayBuffer>[];
  try {
    files = await Promise.all(names.map(verified));
  } catch (error) {
    stop.abort();
    throw error;
  }
  const [words, textEncoder, generator] = files as [
    Uint8Array<ArrayBuffer>,
    Uint8Array<ArrayBuffer>,
    Uint8Array<ArrayBuffer>,
  ];
  checkTextEncoder(textEncoder, manifest, where(names[1]));
  checkGenerator(generator, manifest, where(names[2]));
  return {
    ...{ where: source.where, manifest, textEncoder, generator },
    vocabulary: readVocabulary(decode(words), manifest, where(names[0])),
  };
}

/** A file of a model, for messages. */
export function pathIn(where: string, name: string): string {
  return `${where.replace(/[/\\]$/, "")}/${name}`;
}

/** A manifest has some kilobytes; lists of files and commands can make it longer. */
const MOST_MANIFEST_BYTES = 2 ** 20;

function readVocabulary(text: string, manifest: ModelManifest, where: string): Vocabulary {
  const vocabulary = Vocabulary.parse(text, visible(where));
  const { words } = manifest.vocabulary;
  if (vocabulary.size !== words || vocabulary.tokenizer !== manifest.tokenizer)
    throw new UserError(
      `${visible(where)}: has ${vocabulary.size} words and the tokenizer ${quote(vocabulary.tokenizer)}, but model.json says ${words} and ${quote(manifest.tokenizer)}. Copy all files of the model again.`,
      { code: "model.invalid" },
    );
  return vocabulary;
}

function notThatFile(where: string, found: number, expected: number): UserError {
  const difference =
    found === expected
      ? "its SHA-256 is not the one in model.json"
      : `it has ${found} bytes, not ${expected}`;
  return new UserError(
    `${visible(where)}: not the file that model.json names: ${difference}. Copy all files of the model again.`,
    { code: "file.invalid" },
  );
}
