/** For tests: writes checkpoints as `torch.save` does in the zip format, with nested dictionaries and lists. */
import { crc32 } from "node:zlib";
import type { Tensor } from "@sdgan/torch";
import { isTensor } from "@sdgan/torch";

/** A tensor of float32 or int64, or what a checkpoint has around tensors. */
export type Saved = Tensor | string | number | null | Saved[] | Map<string, Saved>;

/** The bytes of `torch.save(value, FILE)`. */
export function pytorchFile(value: Saved): Buffer {
  const storages: Uint8Array[] = [];
  const pickle = Buffer.concat([latin("\x80\x02"), ...opcodes(value, storages), latin(".")]);
  return zip([
    ["archive/data.pkl", pickle],
    ["archive/version", latin("3\n")],
    ...storages.map((bytes, key): [string, Uint8Array] => [`archive/data/${key}`, bytes]),
  ]);
}

function opcodes(value: Saved, storages: Uint8Array[]): Buffer[] {
  if (isTensor(value)) return tensor(value, storages);
  if (value === null) return [latin("N")];
  if (typeof value === "string") return [text(value)];
  if (typeof value === "number") return [integer(value)];
  if (Array.isArray(value))
    return [latin("]("), ...value.flatMap((item) => opcodes(item, storages)), latin("e")];
  const items = [...value].flatMap(([key, item]) => [text(key), ...opcodes(item, storages)]);
  return [latin("}("), ...items, latin("u")];
}

/** A call of `_rebuild_tensor_v2` with the storage by its key, offset, shape, strides, no gradient and no hooks. */
function tensor(value: Tensor, storages: Uint8Array[]): Buffer[] {
  const contiguous = value.contiguous();
  const key = storages.push(contiguous.toBytes()) - 1;
  const strides = value.shape.map((_, i) =>
    value.shape.slice(i + 1).reduce((product, size) => product * size, 1),
  );
  return [
    latin("ctorch._utils\n_rebuild_tensor_v2\n(("),
    ...[
      text("storage"),
      latin(`ctorch\n${value.dtype === "int64" ? "Long" : "Float"}Storage\n`),
      text(`${key}`),
      text("cpu"),
      integer(value.numel),
    ],
    ...[latin("tQ"), integer(0)],
    ...[latin("("), ...value.shape.map(integer), latin("t(")],
    ...[...strides.map(integer), latin("t\x89ccollections\nOrderedDict\n)RtR")],
  ];
}

/** BINUNICODE. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const head = Buffer.from("X\0\0\0\0");
  head.writeUInt32LE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** BININT. */
function integer(value: number): Buffer {
  const bytes = Buffer.from("J\0\0\0\0");
  bytes.writeInt32LE(value, 1);
  return bytes;
}

function latin(value: string): Buffer {
  return Buffer.from(value, "latin1");
}

/** A zip file of uncompressed entries. */
function zip(entries: readonly [name: string, bytes: Uint8Array][]): Buffer {
  const [locals, centrals]: [Buffer[], Buffer[]] = [[], []];
  let position = 0;
  for (const [name, bytes] of entries) {
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt32LE(crc32(bytes), 14);
    local.writeUInt32LE(bytes.length, 18);
    local.writeUInt32LE(bytes.length, 22);
    local.writeUInt16LE(name.length, 26);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    local.copy(central, 10, 8, 30);
    central.writeUInt32LE(position, 42);
    locals.push(local, latin(name), Buffer.from(bytes));
    centrals.push(central, latin(name));
    position += local.length + name.length + bytes.length;
  }
  const directory = Buffer.concat(centrals);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(position, 16);
  return Buffer.concat([...locals, directory, end]);
}
