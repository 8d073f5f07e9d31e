/**
 * Sends mutated requests to a server with a tiny model: JSON, headers, sizes, characters, nesting, lengths, bytes. Each
 * must be answered within a second, none with status 500, and the server must go on generating the right images.
 *
 *   node scripts/fuzz-server.mjs [--cases 3000] [--seed 1]
 */
import "./node-version.mjs";
import { Failure, runAsProgram } from "../packages/addons/lib/failure.mjs";
import { fuzzOptions } from "./fuzz-options.mjs";
import { setUp } from "./setup.mjs";

await runAsProgram(import.meta.url, async () => {
  const { cases, seed } = fuzzOptions();
  await setUp();
  const { startServer } = await import("../packages/server/dist/index.js");
  const { fuzzServer } = await import("../packages/server/dist/testing/fuzz-server.js");
  const { startTiny } = await import("../packages/server/dist/testing/tiny-server.js");
  const server = await startTiny(startServer);
  const before = server.inferencePids();
  const { statuses, slowest, wrong } = await fuzzServer(server.url, {
    ...{ cases, seed, mostMs: 1000 },
  });
  if (server.inferencePids().join() !== before.join()) wrong.push("an inference process ended");
  await server.end();
  const list = [...statuses].sort().map(([status, count]) => `${count} × ${status}`);
  console.log(
    `${cases} requests: ${list.join(", ")}; slowest ${Math.round(slowest.ms)} ms (${slowest.kind})`,
  );
  if (wrong.length > 0) throw new Failure(`${wrong.length} requests failed:\n  ${wrong.join("\n  ")}`);
});
