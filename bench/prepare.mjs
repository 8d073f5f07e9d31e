/**
 * Compares `prepare cub` with the published loader's image steps in Python (Pillow), alternating, in one run on this
 * machine. Prints images per second, also per core. Ours counts the whole command with its start: reading lists and
 * captions, converting, writing, reading back. Pillow is Debian's python3-pil, which is installed if no password is
 * needed.
 *
 *   node scripts/draw-cub.mjs --lists CUB_200_2011 --out data/drawn-cub
 *   node bench/prepare.mjs --cub data/drawn-cub/CUB_200_2011 [--rounds 3]
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { run } from "../packages/addons/lib/command.mjs";
import { Failure, runAsProgram } from "../packages/addons/lib/failure.mjs";
import { ROOT, setUp } from "../scripts/setup.mjs";
import { PYTHON, requireModule } from "./python.mjs";

/** Code for a separate process that prepares and prints the time it took, including the process's start. */
const OURS = `
  const { cub } = await import(${JSON.stringify(new URL("../packages/sdgan/dist/data/cub.js", import.meta.url).href)});
  const { prepare } = await import(${JSON.stringify(new URL("../packages/sdgan/dist/data/prepare.js", import.meta.url).href)});
  await prepare(cub(process.argv[1]), { out: process.argv[2], size: 256 });
  const { user, system } = process.cpuUsage();
  const peakMiB = Math.round(process.resourceUsage().maxRSS / 1024);
  console.log(JSON.stringify({ wall: performance.now() / 1000, cpu: (user + system) / 1e6, peakMiB }));`;

await runAsProgram(import.meta.url, async () => {
  const { values } = parseArgs({
    options: { cub: { type: "string" }, rounds: { type: "string", default: "3" } },
  });
  if (!values.cub) throw new Failure("--cub is required: the folder with images.txt.");
  await setUp();
  await requireModule("PIL", ["python3-pil"]);
  const { cub } = await import("../packages/sdgan/dist/data/cub.js");
  const images = [];
  for await (const { id, box } of cub(values.cub).examples())
    images.push([join(values.cub, "images", id), [box.x, box.y, box.width, box.height]]);
  const folder = mkdtempSync(join(tmpdir(), "sdgan-bench-"));
  try {
    const list = join(folder, "images.json");
    writeFileSync(list, JSON.stringify(images));
    const ratios = [];
    for (let round = 1; round <= Number(values.rounds); round++) {
      const ours = await measure(process.execPath, [
        "--input-type=module",
        "-e",
        OURS,
        values.cub,
        join(folder, "out"),
      ]);
      const theirs = await measure(PYTHON, [join(ROOT, "bench/rival/prepare.py"), list]);
      const rate = (seconds) => (images.length / seconds).toFixed(0);
      ratios.push(theirs.cpu / ours.cpu);
      console.log(
        `round ${round}: ours ${rate(ours.wall)} images/s, ${rate(ours.cpu)} per core, ${ours.peakMiB} MiB; ` +
          `Pillow ${rate(theirs.wall)} images/s, ${rate(theirs.cpu)} per core; ratio per core ${ratios.at(-1).toFixed(2)}`,
      );
    }
    const median = ratios.toSorted((a, b) => a - b)[ratios.length >> 1];
    console.log(`${images.length} images; median ratio ${median.toFixed(2)}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

async function measure(program, args) {
  const { code, stdout, output } = await run(program, args, { cwd: process.cwd() });
  if (code !== 0) throw new Failure(`${program} failed:\n${output.trim()}`);
  return JSON.parse(stdout);
}
