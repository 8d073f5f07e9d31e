import { expect, it, onTestFinished } from "vitest";
import { startServer } from "./server.js";
import { send } from "./testing/client.js";
import { fuzzServer } from "./testing/fuzz-server.js";
import { startTiny } from "./testing/tiny-server.js";

it("answers 300 mutated requests in time, without a failure", async () => {
  const server = await startTiny(startServer);
  onTestFinished(() => server.end());
  const [pid] = server.inferencePids();
  // Under a second on a machine that does nothing else; the tests share theirs.
  const { wrong, statuses } = await fuzzServer(server.url, { cases: 300, seed: 20, mostMs: 5000 });
  expect(wrong).toEqual([]);
  for (const status of [200, 400, 404, 413, 415] as const)
    expect(statuses.get(status) ?? 0, String(status)).toBeGreaterThan(0);
  expect(server.inferencePids()).toEqual([pid]);
  expect((await send(`${server.url}metrics`)).text).not.toContain('status="500"');
});
