import { expect, it, onTestFinished } from "vitest";
import { startServer } from "./server.js";
import { send } from "./testing/client.js";
import { load, percentile } from "./testing/load.js";
import { startTiny, WORDS } from "./testing/tiny-server.js";

it("under ten times the load that it holds, answers with the right image or refuses at once", async () => {
  const queue = 8;
  const server = await startTiny(startServer, { processes: 2, limits: { queue } });
  onTestFinished(() => server.end());
  const { accepted, refused, wrong } = await load(server.url, {
    words: WORDS,
    seconds: 3,
    clients: 10 * queue,
  });
  expect(wrong).toEqual([]);
  expect(accepted.length).toBeGreaterThan(20);
  expect(refused.length).toBeGreaterThan(20);
  // A refusal does not wait for images; times are loose, because the tests share their machine.
  expect(percentile(refused, 0.5)).toBeLessThan(1000);
  expect(percentile(accepted, 0.99)).toBeLessThan(10_000);
  const { text } = await send(`${server.url}metrics`);
  expect(text).toMatch(/^sdgan_queue_images 0$/m);
  expect(text).toMatch(/^sdgan_running_images 0$/m);
  const [, batches] = /^sdgan_batch_images_count (\d+)$/m.exec(text)!;
  expect(Number(batches)).toBeLessThan(accepted.length);
});
