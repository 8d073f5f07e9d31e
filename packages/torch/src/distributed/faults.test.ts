import { beforeAll, describe, expect, it, vi } from "vitest";
import { compile } from "../testing/compiled.js";
import { fileStore, runRanks, tcpStore } from "../testing/ranks.js";

// Separate processes that load libtorch: seconds, and more on a busy machine.
vi.setConfig({ testTimeout: 180_000 });
beforeAll(compile);

const timeoutMs = 2500;

/** Ten all-reduces of 3 ranks, something else, and more all-reduces. */
const during = (fault: string) => `
const x = torch.zeros([100000]);
for (let i = 0; i < 10; i++) group.allReduce(x).wait();
${fault}
for (let i = 0; i < 10; i++) group.allReduce(x).wait();
return "finished";`;

describe.each([
  { store: "TCP", storeOf: tcpStore },
  { store: "file", storeOf: fileStore },
])("in the middle, with a $store store", ({ store, storeOf }) => {
  it.each([2, 0])("rank %d is killed", async (victim) => {
    const body = during(`if (rank === ${victim}) process.kill(process.pid, "SIGKILL");`);
    const endings = await runRanks(body, { store: await storeOf(), worldSize: 3, timeoutMs });
    expect(endings[victim]!.signal).toBe("SIGKILL");
    const reason =
      store === "TCP" && victim === 0
        ? /The store does not answer: rank 0, which serves it, probably ended/
        : new RegExp(`Rank ${victim} gave no answer: ended, stopped or cut off from the network`);
    for (const [rank, { error, code, seconds }] of endings.entries()) {
      if (rank === victim) continue;
      expect(error?.name).toBe("ProcessGroupError");
      expect(error?.message).toMatch(
        new RegExp(
          `^rank ${rank} of 3: allReduce \\(operation 1\\d of the group, timeout 2.5 s\\) failed: .`,
        ),
      );
      expect(error?.message).toMatch(reason);
      expect(error?.message).not.toContain("\n");
      expect(error?.suspects).toEqual([victim]);
      expect(code).toBe(0);
      expect(seconds).toBeLessThan(15);
    }
  });
});

it("a rank hangs", async () => {
  const body = during('if (rank === 2) process.kill(process.pid, "SIGSTOP");');
  const endings = await runRanks(body, { store: await tcpStore(), worldSize: 3, timeoutMs, stopped: 2 });
  for (const { error, seconds } of endings.slice(0, 2)) {
    expect(error?.message).toMatch(/failed: (Timed out|Connection closed|rank \d reported)/);
    expect(error?.suspects).toEqual([2]);
    expect(seconds).toBeGreaterThan(2.4);
    expect(seconds).toBeLessThan(11);
  }
  expect(endings[2]!.signal).toBe("SIGKILL");
});

it("a rank is late: all ranks know which", async () => {
  const body = during("if (rank === 1) sleep(5000);");
  const endings = await runRanks(body, { store: fileStore(), worldSize: 3, timeoutMs });
  for (const [rank, { error }] of endings.entries()) {
    const who = rank === 1 ? "This rank" : "Rank 1";
    expect(error?.message).toContain(
      `${who} had not called it in time. If a rank may take longer, increase timeoutMs (now 2500).`,
    );
    expect(error?.suspects).toEqual([1]);
  }
});

it("ranks that call different operations are told so, and their processes go on", async () => {
  const body = `
const error = (fn) => { try { fn().wait(); } catch (error) { return error.message; } };
const sizes = error(() => group.allReduce(torch.zeros([10 + rank])));
const after = error(() => group.barrier());
group.close();
const order = await initProcessGroup({ ...options, store: { kind: "file", path: options.store.path + "2" } });
const orders = error(() => (rank === 0 ? order.broadcast(torch.zeros([5])) : order.barrier()));
order.close();
return [sizes, after, orders];`;
  const endings = await runRanks(body, { store: fileStore(), worldSize: 2, timeoutMs });
  const start = "the ranks called different operations: rank";
  for (const [rank, { value }] of endings.entries()) {
    const other = 1 - rank;
    const names = ["broadcast from rank 0 of float32[5]", "barrier"];
    expect(value).toEqual([
      expect.stringContaining(
        `${start} ${rank} allReduce sum of float32[${10 + rank}], rank ${other} allReduce sum of float32[${10 + other}]. All ranks must call`,
      ),
      expect.stringMatching(/barrier \(operation 1 .*failed: the ranks called different operations/),
      expect.stringContaining(`${start} ${rank} ${names[rank]}, rank ${other} ${names[other]}`),
    ]);
  }
});
