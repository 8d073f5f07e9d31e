import { describeImpostor } from "@sdgan/core/basics";
import { readAll } from "./file.js";

/**
 * What a file is that is given as weights but is of another format, from its first and last bytes and its name, with the
 * remedy, to be put after "it": "is an ONNX model: …". Undefined for files that may be PyTorch's or safetensors files.
 * Pointers and web pages in place of the file, from failed downloads, are described too.
 */
export function describeForeign(file: number, size: number, path: string): string | undefined {
  const start = readAll(file, 0, Math.min(size, START_BYTES));
  if (size === 0) return "is empty: download or copy it again";
  const impostor = describeImpostor(start);
  if (impostor !== undefined) return impostor;
  const end = readAll(file, Math.max(0, size - 8), Math.min(8, size)).toString("latin1");
  const begin = start.toString("latin1");
  const known = formats.find(({ matches }) => matches({ begin, end, path }));
  return known && `is ${known.name}: ${known.remedy}`;
}

/** As many as `describeImpostor` can use. */
const START_BYTES = 4096;

/** The file's first and last bytes, one character per byte, and its path. */
interface Seen {
  begin: string;
  end: string;
  path: string;
}

interface Format {
  name: string;
  remedy: string;
  matches(seen: Seen): boolean;
}

const CONVERT = "give weights in PyTorch's or safetensors' format";
const UNPACK = "unpack it and give the file in it";

const starting = (name: string, remedy: string, ...begins: string[]): Format => ({
  name,
  remedy,
  matches: ({ begin }) => begins.some((one) => begin.startsWith(one)),
});

/** The first entries of PyTorch's oldest archives. */
const pytorchParts = ["sys_info", "pickle", "storages", "tensors"];

const formats: readonly Format[] = [
  starting("an HDF5 file, as Keras writes (.h5)", CONVERT, "\x89HDF\r\n\x1a\n"),
  starting("a NumPy array (.npy)", CONVERT, "\x93NUMPY"),
  starting("a MATLAB file", CONVERT, "MATLAB 5.0 MAT-file"),
  starting("a GGUF or GGML file of llama.cpp", CONVERT, "GGUF", "lmgg", "fmgg", "tjgg"),
  starting("compressed with gzip", `${UNPACK} (gunzip, or tar -xzf)`, "\x1f\x8b"),
  starting("compressed with bzip2", `${UNPACK} (bunzip2, or tar -xjf)`, "BZh"),
  starting("compressed with xz", `${UNPACK} (unxz, or tar -xJf)`, "\xfd7zXZ\0"),
  starting("compressed with zstd", `${UNPACK} (unzstd)`, "\x28\xb5\x2f\xfd"),
  starting("a 7z archive", UNPACK, "7z\xbc\xaf\x27\x1c"),
  starting("a RAR archive", UNPACK, "Rar!\x1a\x07"),
  starting("a PNG image", CONVERT, "\x89PNG\r\n\x1a\n"),
  starting("a JPEG image", CONVERT, "\xff\xd8\xff"),
  starting("a PDF document", CONVERT, "%PDF-"),
  {
    name: "a tar archive of PyTorch before 0.1.10",
    remedy: "load it with an old PyTorch, and save its state_dict() with torch.save",
    matches: ({ begin }) => isTar(begin) && pytorchParts.some((part) => begin.startsWith(`${part}\0`)),
  },
  { name: "a tar archive", remedy: `${UNPACK} (tar -xf)`, matches: ({ begin }) => isTar(begin) },
  {
    name: "a TensorFlow Lite model",
    remedy: CONVERT,
    matches: ({ begin }) => begin.startsWith("TFL3", 4),
  },
  {
    // Protocol buffers: saved_model_schema_version 1, then the first graph.
    name: "a TensorFlow SavedModel (saved_model.pb)",
    remedy: CONVERT,
    matches: ({ begin }) => begin.startsWith("\x08\x01\x12"),
  },
  {
    // Protocol buffers: ir_version, then producer_name, producer_version, domain, graph or opset_import.
    name: "an ONNX model",
    remedy: CONVERT,
    matches: ({ begin }) =>
      begin[0] === "\x08" &&
      isWithin(begin[1], "\x02", "\x1f") &&
      "\x12\x1a\x22\x3a\x42".includes(begin[2] ?? "?"),
  },
  {
    name: "a part of a TensorFlow checkpoint",
    remedy: CONVERT,
    matches: ({ end, path }) =>
      end === "\x57\xfb\x80\x8b\x24\x75\x47\xdb" || /\.(data-\d{5}-of-\d{5}|ckpt\.meta)$/.test(path),
  },
  { name: "a TensorFlow graph (.pb)", remedy: CONVERT, matches: ({ path }) => path.endsWith(".pb") },
  { name: "a Flax file (.msgpack)", remedy: CONVERT, matches: ({ path }) => path.endsWith(".msgpack") },
  { name: "a file of Lua Torch (.t7)", remedy: CONVERT, matches: ({ path }) => path.endsWith(".t7") },
];

/** A pickle of protocol 2 to 5, by its first bytes. */
export function isPickle(begin: string): boolean {
  return begin[0] === "\x80" && isWithin(begin[1], "\x02", "\x05");
}

function isWithin(character: string | undefined, first: string, last: string): boolean {
  return character !== undefined && character >= first && character <= last;
}

/** By the format's mark after the first entry's name, size and times. */
function isTar(begin: string): boolean {
  return begin.startsWith("ustar", 257);
}
