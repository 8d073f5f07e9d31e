import type { Random } from "@sdgan/core";

/** Applies one to three random mutations: of bits, lengths, order, line ends, numbers, nesting. */
export function mutated(bytes: Buffer, random: Random): Buffer {
  let changed = bytes;
  for (let times = 1 + random.below(3); times > 0; times--) changed = random.pick(mutations)(changed, random);
  return changed;
}

type Mutation = (bytes: Buffer, random: Random) => Buffer;

const mutations: Mutation[] = [
  function flipBits(bytes, random) {
    const changed = Buffer.from(bytes);
    for (let times = 1 + random.below(8); times > 0 && bytes.length > 0; times--) {
      changed[random.below(bytes.length)]! ^= 1 << random.below(8);
    }
    return changed;
  },
  function cutOff(bytes, random) {
    return bytes.subarray(0, random.below(bytes.length + 1));
  },
  function takeOut(bytes, random) {
    const [from, to] = range(bytes, random);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  function repeat(bytes, random) {
    const [from, to] = range(bytes, random);
    const part = bytes.subarray(from, to);
    const times = Math.min(1 + random.below(1000), Math.ceil(1e6 / (part.length + 1)));
    return Buffer.concat([bytes.subarray(0, from), ...Array(times).fill(part), bytes.subarray(from)]);
  },
  function overwrite(bytes, random) {
    const changed = Buffer.from(bytes);
    const from = random.below(bytes.length + 1);
    return changed.fill(
      random.pick([0, 0x20, 0x7f, 0x80, 0xff]),
      from,
      Math.min(bytes.length, from + 1 + random.below(16)),
    );
  },
  function exchange(bytes, random) {
    const [from, to] = range(bytes, random);
    const [start, end] = range(bytes.subarray(to), random).map((at) => at + to) as [number, number];
    return Buffer.concat([
      bytes.subarray(0, from),
      bytes.subarray(start, end),
      bytes.subarray(to, start),
      bytes.subarray(from, to),
      bytes.subarray(end),
    ]);
  },
  function insert(bytes, random) {
    return spliced(bytes, random, Buffer.from(random.pick(oddities), "latin1"));
  },
  function nest(bytes, random) {
    return spliced(bytes, random, Buffer.from(random.pick(["[", '{"a":', "(", '"', "<g>"]).repeat(100_000)));
  },
  function changeNumber(bytes, random) {
    const text = bytes.toString("latin1");
    const numbers = [...text.matchAll(/\d+/g)];
    if (numbers.length === 0) return bytes;
    const { 0: number, index } = random.pick(numbers);
    const other = random.pick(["0", "-1", "1e999", "7".repeat(number.length), "9".repeat(20), "NaN", ""]);
    return Buffer.from(text.slice(0, index) + other + text.slice(index + number.length), "latin1");
  },
  function changeName(bytes, random) {
    const text = bytes.toString("latin1");
    const names = [...text.matchAll(/[\w./-]+\.(jpg|png|txt|json)/g)];
    if (names.length === 0) return bytes;
    const { 0: name, index } = random.pick(names);
    return Buffer.from(
      text.slice(0, index) + random.pick(hostilePaths) + text.slice(index + name.length),
      "latin1",
    );
  },
  function changeLineEnds(bytes) {
    return Buffer.from(bytes.toString("latin1").replaceAll("\n", "\r\n"), "latin1");
  },
];

/** Paths that must not be read: in the folder `secret` next to the data, system files, and invalid names. */
export const hostilePaths = [
  "../secret/image.png",
  "images/../../secret/image.png",
  "./.././secret/image.png",
  "..\\secret\\image.png",
  "/etc/passwd",
  "C:\\secret.png",
  "file:///etc/passwd",
  "/dev/zero",
  "/proc/self/mem",
  "a\0b.png",
  "",
  ".",
  "..",
  "x".repeat(5000),
];

const oddities = [
  ...["\0", "\n", "\r", '"', "\\", ",", "{", "}", "]", "\xff\xfe", "\xef\xbb\xbf", "\xed\xa0\x80", "\x1b[2J", "\x80\x02", "N."],
  ...['"__proto__": {"a": 1},', "1e400", "\\u0000", "\\ud800", "<!DOCTYPE html>", "x".repeat(100_000), "a b ".repeat(50_000)],
]; // biome-ignore format: short

function range(bytes: Buffer, random: Random): [number, number] {
  const from = random.below(bytes.length + 1);
  return [from, from + random.below(Math.min(bytes.length - from, random.pick([4, 64, 4096])) + 1)];
}

function spliced(bytes: Buffer, random: Random, part: Buffer): Buffer {
  const at = random.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(at)]);
}
