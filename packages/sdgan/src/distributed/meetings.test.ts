import { spawn } from "node:child_process";
import { beforeAll, expect, it, vi } from "vitest";
import { compile } from "../testing/cli.js";

// The first ones wait most of their time, so they wait together.
vi.setConfig({ testTimeout: 120_000 });
beforeAll(compile);

/** Runs a program with the hub and three connections to it, `a`, `b` and `c`; returns what it prints. */
async function run(program: string): Promise<string[]> {
  const code = `
    import { connect } from "node:net";
    import { setTimeout as sleep } from "node:timers/promises";
    const { Hub, Meetings } = await import("${new URL("../../dist/distributed/meetings.js", import.meta.url)}");
    const host = "127.0.0.1";
    const hub = await Hub.open({ worldSize: 3, timeoutMs: 3000, host });
    const join = (rank) => Meetings.join({ ...hub.address, host, rank, timeoutMs: 3000 });
    const [a, b, c] = await Promise.all([0, 1, 2].map(join));
    const told = (promise) => promise.then(() => "met", (error) => error.message);
    ${program}
    await hub[Symbol.asyncDispose]();`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", code], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
  });
  expect(await new Promise((resolve) => child.on("close", resolve))).toBe(0);
  return output.trimEnd().split("\n");
}

it.concurrent("processes meet when all have come, as often as they like, and are waited for longer than the timeout", async () => {
  const lines = await run(`
    const order = [];
    const go = async (name, process, delay) => {
      await sleep(delay);
      await process.meet();
      order.push(name);
      await process.meet();
    };
    setTimeout(() => console.log(order.length), 3500);
    await Promise.all([go("a", a, 4500), go("b", b, 0), go("c", c, 100)]);
    console.log(order.length);
    for (const one of [a, b, c]) one.leave();`);
  expect(lines).toEqual(["0", "3"]);
});

it.concurrent("a process that computes meanwhile does not count as silent", async () => {
  const lines = await run(`
    const meetings = [b.meet(), c.meet()];
    for (const end = performance.now() + 4000; performance.now() < end; );
    console.log(await Promise.all([...meetings, a.meet()].map(told)));
    for (const one of [a, b, c]) one.leave();`);
  expect(lines).toEqual(["[ 'met', 'met', 'met' ]"]);
});

it.concurrent("strangers are not heard, and do not take the place of a process", async () => {
  const lines = await run(`
    const stranger = connect({ host, port: hub.address.port });
    const closed = new Promise((resolve) => stranger.on("error", () => {}).on("close", resolve));
    stranger.write("hello wrong 1\\nhere 1\\n");
    await closed;
    const twice = await join(2);
    console.log(await told(twice.meet()));
    console.log(await Promise.all([a, b, c].map((one) => told(one.meet()))));
    for (const one of [a, b, c]) one.leave();`);
  expect(lines).toEqual([
    expect.stringMatching(/^process 2: process 0 ended, so training stopped/),
    "[ 'met', 'met', 'met' ]",
  ]);
});

it.each([
  ["killed", "SIGKILL", "ended"],
  ["stopped", "SIGSTOP", "has been silent for 3 s: it hangs or cannot be reached"],
])("a process that is %s is named in all others", async (_, signal, how) => {
  const lines = await run(`
    const { spawn } = await import("node:child_process");
    const program = \`
      const { Meetings } = await import("${new URL("../../dist/distributed/meetings.js", import.meta.url)}");
      const one = await Meetings.join(\${JSON.stringify({ ...hub.address, host, rank: 2, timeoutMs: 3000 })});
      console.log("joined", one !== undefined);
      setInterval(() => {}, 1000);\`;
    c.leave(); // The process below takes its place.
    await sleep(200);
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: "pipe" });
    await new Promise((resolve) => child.stdout.once("data", resolve));
    const waiting = [a.meet(), b.meet()].map(told);
    child.kill("${signal}");
    for (const message of await Promise.all(waiting)) console.log(message);
    console.log(await told(a.meet()));
    child.kill("SIGKILL");
    process.exit();`);
  expect(lines).toEqual(
    [0, 1, 0].map((rank) =>
      expect.stringContaining(`process ${rank}: process 2 ${how}, so training stopped`),
    ),
  );
});

it("a hub that cannot be reached is an error that names the address", async () => {
  const lines = await run(`
    const nowhere = { ...hub.address, port: 1, host, rank: 1, timeoutMs: 1000 };
    console.log(await told(Meetings.join(nowhere)));
    process.exit();`);
  expect(lines[0]).toMatch(/^process 1: process 0 cannot be reached at 127\.0\.0\.1:1 \(.*ECONNREFUSED/);
});
