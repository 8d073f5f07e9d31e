import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { loadPytorch, loadSafetensors, saveSafetensors, tensor } from "./index.js";
import { zipOf } from "./testing/files/zip.js";

const folder = mkdtempSync(join(tmpdir(), "foreign-"));
afterAll(() => rmSync(folder, { recursive: true }));

function refusal(read: (path: string) => unknown, name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  try {
    read(path);
  } catch (error) {
    return (error as Error).message.replace(path, "PATH");
  }
  throw new Error("it was read");
}

const latin = (text: string) => Buffer.from(text, "latin1");

/** A tar file whose first entry has this name. */
function tarOf(name: string): Buffer {
  const bytes = Buffer.alloc(1024);
  bytes.write(name, 0);
  bytes.write("ustar", 257);
  return bytes;
}

const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";

const foreign: [what: string, bytes: Uint8Array, expected: string, name?: string][] = [
  ["a Git LFS pointer", latin(pointer), "it is a Git LFS pointer, not the file: run `git lfs pull`"],
  ["a git-annex pointer", latin("/annex/objects/MD5E-s9--abc.pth\n"), "it is a git-annex pointer"],
  ["a web page", latin("\n <!DOCTYPE html><html>"), "it is a web page, not the file: download it again"],
  ["a server's answer", latin('{"error": "Repository not found"}'), "it is a server's error message"],
  ["a short answer", latin("Entry not found"), "it is a server's error message"],
  ["Keras's HDF5", latin(`\x89HDF\r\n\x1a\n${"\0".repeat(90)}`), "it is an HDF5 file, as Keras writes (.h5)"],
  ["gzip", gzipSync("weights".repeat(40)), "it is compressed with gzip: unpack it and give the file in it"],
  ["ONNX", latin("\x08\x07\x12\x07pytorch\x1a\x051.13"), "it is an ONNX model"],
  ["a SavedModel", latin("\x08\x01\x12\xf5\x10\x0a\x08v1\x12\x02"), "it is a TensorFlow SavedModel"],
  ["TensorFlow Lite", latin("\x20\0\0\0TFL3\0\0"), "it is a TensorFlow Lite model"],
  [
    "TensorFlow's index",
    latin(`${"\0".repeat(40)}\x57\xfb\x80\x8b\x24\x75\x47\xdb`),
    "it is a part of a TensorFlow checkpoint",
  ],
  ["TensorFlow's data", latin("\x3f".repeat(64)), "part of a TensorFlow", "model.ckpt.data-00000-of-00001"],
  ["a NumPy array", latin("\x93NUMPY\x01\0v\0{'descr': '<f4'"), "it is a NumPy array (.npy)"],
  [
    "the oldest PyTorch's tar",
    tarOf("sys_info"),
    "it is a tar archive of PyTorch before 0.1.10: load it with",
  ],
  ["another tar", tarOf("models/netG.pth"), "it is a tar archive: unpack it and give the file in it"],
  ["Lua Torch's", latin("\x04\0\0\0\x01\0\0\0\x03\0\0\0V 1"), "it is a file of Lua Torch (.t7)", "netG.t7"],
];

describe("a file of another format", () => {
  it.each(foreign)("%s is named", (_, bytes, expected, name = "weights") => {
    expect(refusal(loadPytorch, name, bytes)).toContain(`PATH cannot be read as a PyTorch checkpoint: it`);
    expect(refusal(loadPytorch, name, bytes)).toContain(expected);
    expect(refusal(loadSafetensors, name, bytes)).toContain(expected);
    expect(refusal(loadSafetensors, name, bytes)).not.toContain("header");
  });

  it.each<[string, string[], string]>([
    ["Keras 3's", ["metadata.json", "config.json", "model.weights.h5"], "it is a Keras model (.keras)"],
    ["NumPy's", ["arr_0.npy", "arr_1.npy"], "it is an archive of NumPy arrays (.npz)"],
    [
      "a packed download",
      ["netG.pth"],
      "it is a zip archive with netG.pth: unpack it and give the file in it",
    ],
    ["a larger one", ["a", "b", "c", "d"], "it is a zip archive with a, b, c, …: unpack it"],
  ])("zip files: %s", (_, names, expected) => {
    const zip = zipOf(names.map((name) => ({ name, bytes: latin("content") })));
    expect(refusal(loadPytorch, "weights.pth", zip)).toContain(expected);
    expect(refusal(loadSafetensors, "weights", zip)).toContain(
      "it is a zip file or a pickle, as PyTorch writes",
    );
  });

  it("pickles that torch.save did not write are named, after what they ask for", () => {
    for (const protocol of [2, 3, 4, 5]) {
      const list = latin(`\x80${String.fromCharCode(protocol)}]K\x01a.`);
      expect(refusal(loadPytorch, "list.pkl", list)).toMatch(
        /it does not start like one. It is a Python pickle that torch.save did not write: .*torch\.save\(state, FILE\)/,
      );
    }
    const array = latin("\x80\x02cnumpy.core.multiarray\n_reconstruct\n(t.");
    expect(refusal(loadPytorch, "array.pkl", array)).toMatch(
      /asks for numpy\.core\.multiarray\._reconstruct .*\. It is a Python pickle that torch\.save did not write/,
    );
  });

  it("safetensors files are not taken for others, whatever the length of their header", () => {
    const path = join(folder, "weights.safetensors");
    saveSafetensors(path, new Map([["x", tensor([1, 2])]]));
    expect(() => loadPytorch(path)).toThrow(
      "it is a safetensors file: give it a name that ends in .safetensors",
    );
    // A header of this length begins with the bytes of ONNX.
    const length = 0x120708;
    const json = `{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`;
    const bytes = Buffer.alloc(8 + length + 4, " ");
    bytes.writeBigUInt64LE(BigInt(length));
    bytes.write(json, 8);
    bytes.writeFloatLE(2.5, 8 + length);
    expect(bytes.subarray(0, 3)).toEqual(latin("\x08\x07\x12"));
    writeFileSync(path, bytes);
    expect(loadSafetensors(path).tensors.get("x")!.item()).toBe(2.5);
  });
});
