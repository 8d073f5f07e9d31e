import { beforeAll, describe, expect, it, vi } from "vitest";
import { compile } from "../testing/compiled.js";
import { type Ending, fileStore, runRanks, tcpStore } from "../testing/ranks.js";

// Separate processes that load libtorch: seconds, and more on a busy machine.
vi.setConfig({ testTimeout: 180_000 });
beforeAll(compile);

const valuesOf = (endings: Ending[]) =>
  endings.map(({ value, error, stderr }) => {
    expect(error ?? stderr).toBe("");
    return value;
  });

const operations = `
const { tensor } = torch;
const result = {};

// Sums of 2^rank are exact: all ranks contribute once.
result.sums = {};
for (const dtype of ["float32", "float64", "float16", "int64", "int32", "int8", "uint8"]) {
  const x = tensor([2 ** rank, 3, -0], { dtype });
  group.allReduce(x).wait();
  result.sums[dtype] = [x.dtype, ...x.toNumbers()];
}
result.ops = ["max", "min", "avg"].map((op) => {
  const x = tensor([rank, -rank]);
  group.allReduce(x, { op }).wait();
  return x.toNumbers();
});
result.refused = [
  message(() => group.allReduce(tensor([1], { dtype: "bfloat16" }))),
  message(() => group.allReduce(tensor([1], { dtype: "int64" }), { op: "avg" })),
  message(() => group.allReduce(tensor([1]), { op: "product" })),
  message(() => group.allReduce(torch.ones([4, 4]).index(torch.slice(0, 4, 2)))),
  message(() => group.broadcast(tensor([1]), { root: worldSize })),
  message(() => group.allReduce([1])),
];

// Rounding: the ranks have the same bits.
const noise = torch.randn([1000], { generator: torch.Generator.seeded(rank) });
group.allReduce(noise).wait();
result.bits = Buffer.from(noise.toBytes()).toString("hex");

// Other layouts than row-major, a view, no elements, no dimensions, a parameter.
const image = torch.full([1, 2, 2, 2], rank).to({ memoryFormat: "channels_last" });
image.index(0, 1, 0, 0).fill_(10);
group.allReduce(image).wait();
const whole = torch.zeros([2, 3]);
group.allReduce(whole.index(1).fill_(rank)).wait();
const none = torch.zeros([0, 3]);
const scalar = tensor(rank);
const parameter = torch.full([2], rank, { requiresGrad: true });
for (const x of [none, scalar, parameter]) group.allReduce(x).wait();
result.layouts = [image, whole, none, scalar, parameter].map((x) => x.toNumbers());

const last = worldSize - 1;
result.broadcast = ["bfloat16", "bool", "int16", "float32"].map((dtype) => {
  const x = tensor([rank, 0, 1], { dtype });
  group.broadcast(x, { root: last }).wait();
  return x.toNumbers();
});
const gathering = group.allGather(tensor([[rank, rank * 0.5]], { dtype: "bfloat16" }));
const scalars = group.allGather(tensor(rank === 0, { dtype: "bool" }));
scalars.wait();
gathering.wait();
result.gathered = [gathering, scalars].map(({ outputs }) => outputs.map((x) => x.toNumbers()));

// Several at once, waited for in another order and twice; one tensor is freed at once.
const tensors = Array.from({ length: 20 }, (_, i) => torch.full([1000 + i], i + rank));
const works = tensors.map((x) => group.allReduce(x));
const freed = torch.full([100000], 1);
const last2 = group.allReduce(freed, { op: "avg" });
freed.dispose();
for (const work of [...works.toReversed(), last2]) work.wait();
for (const work of works) work.wait();
result.many = tensors.map((x) => x.index(-1).item());
result.done = works.every((work) => work.done);

// A barrier waits for the slowest.
if (rank === 0) sleep(400);
const begin = performance.now();
group.barrier().wait();
result.waited = performance.now() - begin;

// A second group on the same store, which it does not serve.
const { store } = options;
const second = await initProcessGroup({ ...options, store: { ...store, server: false, prefix: "second" } });
const y = tensor([1]);
second.allReduce(y).wait();
result.second = y.item();
second.close();

result.about = [group.rank, group.worldSize, group.backend];
group.close();
group.close();
result.closed = message(() => group.allReduce(y));
return result;`;

describe.each([
  { name: "2 ranks, TCP store", worldSize: 2, storeOf: tcpStore },
  { name: "3 ranks, file store", worldSize: 3, storeOf: fileStore },
  { name: "1 rank, TCP store", worldSize: 1, storeOf: tcpStore },
])("$name", ({ worldSize, storeOf }) => {
  const ranks = Array.from({ length: worldSize }, (_, rank) => rank);
  const last = worldSize - 1;
  const total = ranks.reduce((sum, rank) => sum + rank, 0);

  it("all operations", async () => {
    const endings = await runRanks(operations, { store: await storeOf(), worldSize });
    const results = valuesOf(endings) as Record<string, never>[];
    expect(endings.map(({ code }) => code)).toEqual(ranks.map(() => 0));
    for (const [rank, result] of results.entries()) {
      const sum = [2 ** worldSize - 1, 3 * worldSize, 0];
      for (const [dtype, found] of Object.entries(result.sums!)) expect(found).toEqual([dtype, ...sum]);
      expect(result.ops).toEqual([
        [last, -0 + 0],
        [0, last === 0 ? -0 : -last],
        [total / worldSize, -total / worldSize],
      ].map((row) => row.map((x) => x + 0))); // biome-ignore format: a table
      expect(result.refused).toEqual([
        expect.stringContaining("gloo cannot reduce bfloat16; convert it, for example to float32"),
        expect.stringContaining("avg needs floating-point elements"),
        expect.stringContaining("expected sum, avg, min or max, found product"),
        expect.stringContaining("expected a dense tensor, found strides [8, 1]; use contiguous()"),
        expect.stringContaining(`expected a rank below ${worldSize}, found ${worldSize}`),
        expect.stringContaining("expected a tensor, found [1]"),
      ]);
      expect(result.bits).toBe(results[0]!.bits);
      expect(result.layouts).toEqual([
        [total, total, total, total, 10 * worldSize, total, total, total],
        [0, 0, 0, total, total, total],
        [],
        [total],
        [total, total],
      ]);
      expect(result.broadcast).toEqual([[last, 0, 1], [last > 0 ? 1 : 0, 0, 1], [last, 0, 1], [last, 0, 1]]); // biome-ignore format: rows
      expect(result.gathered).toEqual([
        ranks.map((other) => [other, other * 0.5]),
        ranks.map((other) => [other === 0 ? 1 : 0]),
      ]);
      expect(result.many).toEqual(Array.from({ length: 20 }, (_, i) => i * worldSize + total));
      expect(result.done).toBe(true);
      if (rank > 0) expect(result.waited).toBeGreaterThan(200);
      expect(result.second).toBe(worldSize);
      expect(result.about).toEqual([rank, worldSize, "gloo"]);
      expect(result.closed).toBe(
        `rank ${rank}: allReduce was called after close(). Make a new group with initProcessGroup.`,
      );
    }
  });
});

it("a process that does not close its group ends normally", async () => {
  const endings = await runRanks("group.allReduce(torch.ones([3])).wait(); return 1;", {
    store: await tcpStore(),
    worldSize: 2,
  });
  expect(endings.map(({ code, value }) => [code, value])).toEqual([[0, 1], [0, 1]]); // biome-ignore format: pairs
});
