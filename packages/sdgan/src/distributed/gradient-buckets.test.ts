import { call, optim, randn, type Tensor } from "@sdgan/torch";
import { expect, it } from "vitest";
import { GradientBuckets } from "./gradient-buckets.js";

/** Buckets of two processes, of which the other one has three times this one's gradients. */
function buckets(bytes?: number) {
  const sent: Tensor[] = [];
  const sum = (bucket: Tensor) => {
    sent.push(bucket);
    return { wait: () => void bucket.mul_(4) };
  };
  return { buckets: new GradientBuckets({ worldSize: 2, sum, ...(bytes && { bytes }) }), sent };
}

const numbers = (tensors: readonly (Tensor | null)[]) => tensors.map((one) => one?.toNumbers() ?? null);
const double = (tensors: readonly (Tensor | null)[]) => numbers(tensors.map((one) => one?.mul(2) ?? null));

it("averages gradients of all layouts, and keeps those that are absent", () => {
  const gradients = [
    randn([3, 2]),
    null,
    randn([2, 3, 4, 4]).to({ memoryFormat: "channels_last" }),
    randn([4, 5]).t(),
    randn([1, 3]).expand(2, 3), // Not dense.
    randn([]),
  ];
  const { buckets: own, sent } = buckets();
  const averaged = own.reduce("generator", gradients)();
  expect(numbers(averaged)).toEqual(double(gradients));
  expect(averaged[2]!.isContiguous("channels_last")).toBe(true);
  expect(averaged[3]!.strides).toEqual(gradients[3]!.strides);
  expect(sent).toHaveLength(1);
  expect(own.bytesOf("generator")).toBe(4 * (6 + 96 + 20 + 6 + 1));
});

it("sends buckets of at most the given bytes, in the order of the gradients, and uses them again", () => {
  const gradients = [randn([5]), randn([4]), randn([30]), randn([2])];
  const { buckets: own, sent } = buckets(40);
  expect(numbers(own.reduce("a", gradients)())).toEqual(double(gradients));
  expect(sent.map(({ numel }) => numel)).toEqual([9, 30, 2]);
  const later = gradients.map((one) => one.add(1));
  expect(numbers(own.reduce("a", later)())).toEqual(double(later));
  expect(sent.slice(3)).toEqual(sent.slice(0, 3));
});

it("has buckets of its own for every phase, which may be under way at the same time", () => {
  const [first, second] = [[randn([3])], [randn([3])]];
  const { buckets: own } = buckets();
  const waits = [own.reduce("discriminator/stage1", first), own.reduce("discriminator/stage2", second)];
  expect(waits.map((wait) => numbers(wait()))).toEqual([double(first), double(second)]);
});

it("sends half precision as float32, and float64 as it is", () => {
  const gradients = [randn([3]).to("bfloat16"), randn([2]).to("float64"), randn([1])];
  const { buckets: own, sent } = buckets();
  const averaged = own.reduce("a", gradients)();
  expect(sent.map(({ dtype }) => dtype)).toEqual(["float32", "float64", "float32"]);
  expect(numbers(averaged)).toEqual(double(gradients));
});

it("makes other buckets when a network grows", () => {
  const { buckets: own, sent } = buckets();
  own.reduce("a", [randn([3]), null])();
  expect(own.bytesOf("a")).toBe(4 * 3);
  const grown = [randn([3]), randn([4])];
  expect(numbers(own.reduce("a", grown)())).toEqual(double(grown));
  expect(own.bytesOf("a")).toBe(4 * 7);
  expect(sent.map(({ isDisposed }) => isDisposed)).toEqual([true, false]); // The smaller bucket is freed.
});

it("gives Adam gradients with which it steps as with the average", () => {
  const make = () => {
    const parameter = call<Tensor>("ones", [2, 3, 4, 4]).to({ memoryFormat: "channels_last" });
    return { parameter, adam: new optim.Adam([parameter]) };
  };
  const [one, two] = [make(), make()];
  const gradient = randn([2, 3, 4, 4]).to({ memoryFormat: "channels_last" });
  one.adam.step([gradient.mul(2)]);
  two.adam.step(buckets().buckets.reduce("a", [gradient])());
  expect(two.parameter.toNumbers()).toEqual(one.parameter.toNumbers());
});
