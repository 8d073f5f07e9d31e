import type { Draw } from "./draw.js";

/** Mutates `bytes` like accidents and attackers: bits, lengths, order, line ends, depth. */
export function mutated(bytes: Uint8Array, draw: Draw): Buffer {
  let changed = Buffer.from(bytes);
  for (let times = 1 + draw.below(3); times > 0; times--) changed = draw.pick(mutations)(changed, draw);
  return changed;
}

type Mutation = (bytes: Buffer<ArrayBuffer>, draw: Draw) => Buffer<ArrayBuffer>;

const mutations: Mutation[] = [
  function flipBits(bytes, draw) {
    for (let times = 1 + draw.below(8); times > 0 && bytes.length > 0; times--)
      bytes[draw.below(bytes.length)]! ^= 1 << draw.below(8);
    return bytes;
  },
  function cutOff(bytes, draw) {
    return bytes.subarray(0, draw.below(bytes.length + 1));
  },
  function takeOut(bytes, draw) {
    const [from, to] = range(bytes, draw);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  function repeat(bytes, draw) {
    const [from, to] = range(bytes, draw);
    const part = bytes.subarray(from, to);
    const times = Math.min(1 + draw.below(100_000), Math.ceil(1e6 / (part.length + 1)));
    return Buffer.concat([
      bytes.subarray(0, from),
      ...new Array<Buffer>(times).fill(part),
      bytes.subarray(to),
    ]);
  },
  function exchange(bytes, draw) {
    const [from, to] = range(bytes, draw);
    const length = to - from;
    const other = draw.below(Math.max(1, bytes.length - length));
    const [one, two] = [
      Buffer.from(bytes.subarray(from, to)),
      Buffer.from(bytes.subarray(other, other + length)),
    ];
    one.copy(bytes, other);
    two.copy(bytes, from);
    return bytes;
  },
  /** Changes a length, an offset or a count. */
  function changeNumber(bytes, draw) {
    const size = draw.pick([1, 2, 4, 8]);
    if (bytes.length < size) return bytes;
    const at = draw.below(bytes.length - size + 1);
    const value = draw.pick(lengths(bytes.length));
    for (let i = 0; i < size; i++) bytes[at + i] = Number((value >> BigInt(8 * i)) & 0xffn);
    return bytes;
  },
  /** The same for a number written as text. */
  function changeDecimal(bytes, draw) {
    const text = bytes.toString("latin1");
    const numbers = [...text.matchAll(/\d+/g)];
    if (numbers.length === 0) return bytes;
    const { 0: number, index } = draw.pick(numbers);
    const other = draw.pick(["0", "-1", "1e999", "9".repeat(20), "7".repeat(number.length), "NaN", ""]);
    return Buffer.from(text.slice(0, index) + other + text.slice(index + number.length), "latin1");
  },
  function nest(bytes, draw) {
    const at = draw.below(bytes.length + 1);
    const part = Buffer.from(
      draw.pick(["[", '{"a":', "(", "]", "}", "\x85", "2", "(l", "]2a"]).repeat(100_000),
      "latin1",
    );
    return Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(at)]);
  },
  function changeLineEnds(bytes) {
    return Buffer.from(bytes.toString("latin1").replaceAll("\n", "\r\n"), "latin1");
  },
];

function lengths(length: number): bigint[] {
  const near = [length, length - 1, length + 1, length >> 1].map(BigInt);
  return [
    ...near,
    0n,
    1n,
    0x7fn,
    0xffn,
    0xffffn,
    0x7fffffffn,
    0x80000000n,
    0xffffffffn,
    2n ** 40n,
    2n ** 63n,
    2n ** 64n - 1n,
  ];
}

function range(bytes: Buffer, draw: Draw): [number, number] {
  const from = draw.below(bytes.length + 1);
  return [from, from + draw.below(Math.min(bytes.length - from, draw.pick([4, 64, 4096])) + 1)];
}
