/** The readers, their seed files, and hostile files that random mutation would not produce. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { deflateRawSync } from "node:zlib";
import { loadPytorch, loadSafetensors, stateDictOf } from "../../index.js";
import { written } from "../../pickle/fixtures.js";
import { readPickle } from "../../pickle/index.js";
import type { Draw } from "./draw.js";
import { mutated } from "./mutations.js";
import { type ZipPart, zipOf } from "./zip.js";

export interface FileTarget {
  name: string;
  /** Files that are valid or refused; they are mutated for the fuzz. */
  seeds: Uint8Array[];
  /** Bytes of a hostile file. */
  crafted?: (draw: Draw) => Uint8Array;
  read: (path: string, bytes: Uint8Array) => unknown;
}

const golden = fileURLToPath(new URL("../../../golden/pth/", import.meta.url));

export function fileTargets(): FileTarget[] {
  const files = readdirSync(golden).filter((name) => /\.(pth|pkl)$/.test(name));
  const checkpoints = files.map((name) => readFileSync(join(golden, name)));
  const isZip = (bytes: Buffer) => bytes.toString("latin1", 0, 2) === "PK";
  const readCheckpoint = (path: string) => stateDictOf(loadPytorch(path));
  const unpacked = unzip(readFileSync(join(golden, "various-zip.pth")));
  return [
    {
      name: "pickle",
      seeds: written.map((text) => Buffer.from(text, "base64")),
      crafted: (draw) => Buffer.from(draw.pick(hostilePickles)(draw), "latin1"),
      read: (_, bytes) => readPickle(bytes),
    },
    { name: "checkpoint, zip", seeds: checkpoints.filter(isZip), crafted: hostileZip, read: readCheckpoint },
    {
      // With correct checksums, so that the pickle and the storages are read.
      name: "checkpoint, changed within",
      seeds: [zipOf(unpacked)],
      crafted(draw) {
        const changed = draw.chance(0.8) ? 0 : draw.below(unpacked.length);
        return zipOf(
          unpacked.map((part, i) => (i === changed ? { ...part, bytes: mutated(part.bytes, draw) } : part)),
        );
      },
      read: readCheckpoint,
    },
    { name: "checkpoint, legacy", seeds: checkpoints.filter((bytes) => !isZip(bytes)), read: readCheckpoint },
    {
      name: "safetensors",
      seeds: [safetensors(header), safetensors("{}")],
      crafted: (draw) => safetensors(mutated(Buffer.from(header), draw).toString("latin1")),
      read: (path) => loadSafetensors(path).tensors,
    },
  ];
}

const MANY = 200_000;

const hostilePickles: ((draw: Draw) => string)[] = [
  () => "cposix\nsystem\n(S'touch PWNED'\ntR.",
  () => "c__builtin__\neval\n(S'1'\ntR.",
  () => `${"(".repeat(MANY)}.`,
  () => `)${"\x85".repeat(MANY)}.`,
  () => `${"]".repeat(MANY)}${"a".repeat(MANY)}.`,
  () => "]q\0h\0a.",
  () => "}q\0(h\0h\0u.",
  // Each is a pair of the previous one: 2^n objects if shared ones were counted separately.
  (draw) => `]q\0${"0h\0h\0\x86q\0".repeat(1 + draw.below(1000))}.`,
  () => "X\xff\xff\xff\xff.",
  () => "\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.",
  () => "\x96\0\0\0\0\0\x01\0\0.",
  () => "\x95\xff\xff\xff\xff\xff\xff\xff\xff.",
  () => "\x8b\xff\xff\xff\x7f.",
  () => `L${"9".repeat(MANY)}L\n.`,
  () => `I${"-".repeat(MANY)}\n.`,
  () => `V${"\\".repeat(MANY)}u\n.`,
  () => `S'${"\\".repeat(MANY)}'\n.`,
  () => `F${"1".repeat(MANY)}\n.`,
  () => `${"}".repeat(10 * MANY)}.`,
  () => `${"\x8f".repeat(10 * MANY)}.`,
  () => `N${"2".repeat(50 * MANY)}.`,
  () => `](${"N".repeat(MANY)}eq\0${"0c__builtin__\nset\nh\0\x85R".repeat(MANY / 10)}.`,
  () =>
    `X${"\xa0\x86\x01\0"}${"x".repeat(100_000)}q\0${"0c_codecs\nencode\nh\0U\x06latin1\x86R".repeat(MANY / 10)}.`,
  () => `N${Array.from({ length: MANY }, (_, i) => `p${i}\n`).join("")}.`,
  () => "Np99999999999999999999\n.",
  () => "c__proto__\nconstructor\n)R.",
  () => "}(S'__proto__'\n}S'a'\nI1\nsu.",
];

function hostileZip(draw: Draw): Buffer {
  const data = (bytes: Buffer | string, more: Partial<ZipPart> = {}): ZipPart => ({
    name: "a/data.pkl",
    bytes: Buffer.from(bytes as string, "latin1"),
    ...more,
  });
  const zeros = deflateRawSync(Buffer.alloc(2 ** 26));
  return draw.pick([
    () => zipOf([{ ...data(""), bytes: zeros, method: 8, size: 2 ** 26 }]),
    () => zipOf([{ ...data(""), bytes: zeros, method: 0, size: 2 ** 31 }]),
    () => zipOf([data("N."), { name: "a/data/0", bytes: Buffer.from("12345678"), offset: 0 }]),
    () =>
      zipOf(Array.from({ length: 1000 }, (_, i) => ({ ...data("N.", { offset: 0 }), name: `a/data/${i}` }))),
    () => zipOf([data("N."), { name: "../../outside", bytes: Buffer.from("outside") }]),
    () => zipOf([data("N."), { name: "/etc/passwd", bytes: Buffer.alloc(0) }]),
    () => zipOf(Array.from({ length: 60_000 }, (_, i) => ({ name: `a/data/${i}`, bytes: Buffer.alloc(0) }))),
    () => zipOf([data("N."), data("N.")]),
    () => zipOf([data(draw.pick(hostilePickles)(draw))]),
    () => zipOf([data(storagePickle(draw)), { name: "a/data/0", bytes: Buffer.alloc(48) }]),
  ])();
}

/** Tensors with a wrong shape, strides and storage: `_rebuild_tensor_v2(storage, offset, size, stride, …)`. */
function storagePickle(draw: Draw): string {
  const number = () =>
    `L${draw.pick([0, 1, 4, 12, 13, 2 ** 31, 2 ** 40, 2 ** 53, "99999999999999999999", -1])}L\n`;
  const numbers = () => `(${Array.from({ length: draw.pick([0, 1, 2, 5, 70]) }, number).join("")}t`;
  const length = draw.chance(0.7) ? "I12\n" : number();
  const kind = draw.pick(["Float", "Float", "Float", "Bool", "Half", "Untyped", "ComplexFloat"]);
  const storage = `(S'storage'\nctorch\n${kind}Storage\nS'0'\nS'cpu'\n${length}tQ`;
  const tensor = `ctorch._utils\n_rebuild_tensor_v2\n(${storage}${number()}${numbers()}${numbers()}I00\nNtR`;
  return draw.chance(0.5) ? `(S'a'\n${tensor}d.` : `(${`S'a'\n${tensor}`.repeat(1000)}d.`;
}

const header = JSON.stringify({
  __metadata__: { format: "pt" },
  a: { dtype: "F32", shape: [2, 3], data_offsets: [0, 24] },
  b: { dtype: "I64", shape: [], data_offsets: [24, 32] },
  c: { dtype: "BOOL", shape: [0, 4], data_offsets: [32, 32] },
});

function safetensors(text: string): Buffer {
  const length = Buffer.alloc(8);
  length.writeUInt32LE(Buffer.byteLength(text, "latin1"));
  return Buffer.concat([length, Buffer.from(text, "latin1"), Buffer.alloc(text.includes("F32") ? 32 : 0)]);
}

/** The parts of a valid zip file. */
function unzip(bytes: Buffer): ZipPart[] {
  const parts: ZipPart[] = [];
  let at = bytes.readUInt32LE(bytes.length - 6);
  for (let i = bytes.readUInt16LE(bytes.length - 12); i > 0; i--) {
    const [nameLength, extra, comment] = [28, 30, 32].map((place) => bytes.readUInt16LE(at + place));
    const [size, local] = [bytes.readUInt32LE(at + 24), bytes.readUInt32LE(at + 42)];
    const begin = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    const name = bytes.toString("utf8", at + 46, at + 46 + nameLength!);
    parts.push({ name, bytes: bytes.subarray(begin, begin + size) });
    at += 46 + nameLength! + extra! + comment!;
  }
  return parts;
}
