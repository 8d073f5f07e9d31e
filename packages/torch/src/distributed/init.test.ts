import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { native } from "../native.js";
import { compile } from "../testing/compiled.js";
import { fileStore, freePort, runRanks, tcpStore } from "../testing/ranks.js";
import { initProcessGroup, type ProcessGroupOptions } from "./index.js";

// Separate processes that load libtorch: seconds, and more on a busy machine.
vi.setConfig({ testTimeout: 180_000 });
beforeAll(compile);

const timeoutMs = 2000;

describe("missing ranks", () => {
  it.each([
    { name: "TCP", storeOf: tcpStore },
    { name: "file", storeOf: fileStore },
  ])("are named by those that came to the $name store", async ({ storeOf }) => {
    const store = await storeOf();
    const place = store.kind === "tcp" ? `127.0.0.1:${store.port}` : store.path;
    const endings = await runRanks("", { store, worldSize: 5, ranks: [0, 2], timeoutMs });
    for (const [i, { error, seconds, stderr }] of endings.entries()) {
      expect(error?.message).toBe(
        `rank ${[0, 2][i]} of 5: initProcessGroup waited 2 s at ${place} for ranks 1, 3 and 4. ` +
          "Start all 5 ranks within this time with the same store and worldSize, or increase timeoutMs.",
      );
      expect(error?.suspects).toEqual([1, 3, 4]);
      expect(seconds).toBeLessThan(8);
      expect(stderr).toBe("");
    }
  });

  it("rank 0, which serves the store", async () => {
    const port = await freePort();
    const store = { kind: "tcp", host: "127.0.0.1", port } as const;
    const [ending] = await runRanks("", { store, worldSize: 2, ranks: [1], timeoutMs });
    expect(ending!.error?.message).toBe(
      `rank 1 of 2: initProcessGroup could not reach the store at 127.0.0.1:${port} within 2 s: connection refused. ` +
        "Rank 0, which serves the store, is missing, or the address is wrong or blocked.",
    );
    expect(ending!.stderr).toBe("");
  });
});

it("a port in use", async () => {
  const server = createServer((socket) => socket.destroy());
  const port = await new Promise<number>((resolve) =>
    server.listen(0, () => resolve((server.address() as { port: number }).port)),
  );
  onTestFinished(() => void server.close());
  const options: ProcessGroupOptions = {
    rank: 0,
    worldSize: 2,
    store: { kind: "tcp", host: "127.0.0.1", port },
    timeoutMs,
  };
  await expect(initProcessGroup(options)).rejects.toThrow(
    `rank 0 of 2: initProcessGroup cannot serve the store at 127.0.0.1:${port}: address already in use. ` +
      "Choose another port on all ranks, or end the process that uses it.",
  );
});

it("two processes of one rank", async () => {
  const store = fileStore() as { kind: "file"; path: string };
  const reason =
    "two processes have this rank, or the file is left from another group; give a path that does not exist.";
  const endings = await runRanks("", { store, worldSize: 2, ranks: [1, 1], timeoutMs: 6000 });
  const messages = endings.map(({ error }) => error?.message);
  expect(messages).toContain(
    `rank 1 of 2: initProcessGroup found that rank 1 has joined at ${store.path} already: ${reason}`,
  );
});

it("a file that a killed group left", async () => {
  const store = fileStore();
  await runRanks('process.kill(process.pid, "SIGKILL");', { store, worldSize: 2 });
  const again = initProcessGroup({ rank: 1, worldSize: 2, store, timeoutMs });
  await expect(again).rejects.toThrow(
    "the file is left from another group; give a path that does not exist.",
  );
});

it("a file that is not a store", async () => {
  const store = fileStore() as { kind: "file"; path: string };
  writeFileSync(store.path, "not a store ".repeat(1000));
  await expect(initProcessGroup({ rank: 0, worldSize: 1, store, timeoutMs })).rejects.toThrow(
    `store.path must be the file of a store, or a path that does not exist, found ${store.path}`,
  );
});

it("an interface that does not exist", async () => {
  vi.stubEnv("GLOO_SOCKET_IFNAME", "none0");
  onTestFinished(() => void vi.unstubAllEnvs());
  const [ending] = await runRanks("", { store: await tcpStore(), worldSize: 1, timeoutMs });
  expect(ending!.error?.message).toMatch(
    /could not connect to the other ranks.*none0.*GLOO_SOCKET_IFNAME names/,
  );
});

describe("wrong options", () => {
  const good: ProcessGroupOptions = { rank: 0, worldSize: 1, store: { kind: "file", path: "store" } };

  it.each([
    [{ rank: 1 }, "rank must be a whole number from 0 to 0, found 1"],
    [{ rank: Number.NaN }, "rank must be a whole number from 0 to 0, found NaN"],
    [{ worldSize: 0 }, "worldSize must be a whole number from 1 to 65536, found 0"],
    [{ timeoutMs: 0 }, "timeoutMs must be from 1 to 2147483647, found 0"],
    [{ backend: "mpi" }, "backend must be gloo or nccl, found mpi"],
    [{ store: { kind: "redis" } }, "store.kind must be tcp or file, found redis"],
    [{ store: { kind: "tcp", host: "a", port: 70_000 } }, "store.port must be from 1 to 65535, found 70000"],
    [{ store: { kind: "tcp", host: "", port: 1 } }, "store.host must be a text, found "],
    [
      { store: { kind: "file", path: "/none/store" } },
      "store.path must be in a folder that exists, found /none/store",
    ],
  ])("%j", async (wrong, message) => {
    const options = { ...good, ...wrong } as ProcessGroupOptions;
    await expect(initProcessGroup(options)).rejects.toThrow(`initProcessGroup: ${message}`);
  });

  it("without gloo's headers, or without NCCL, the remedy is named", async () => {
    if (!native.hasNccl)
      await expect(initProcessGroup({ ...good, backend: "nccl" })).rejects.toThrow(
        /has no NCCL\. It needs a libtorch with CUDA/,
      );
    const { initProcessGroup: init } = native;
    onTestFinished(() => void Object.assign(native, { initProcessGroup: init }));
    Object.assign(native, { initProcessGroup: undefined });
    await expect(initProcessGroup(good)).rejects.toThrow(
      /has no process groups, because gloo's headers were missing.*apt-get install -y libgloo-dev, then (npx sdgan|npm run) setup/,
    );
  });
});
