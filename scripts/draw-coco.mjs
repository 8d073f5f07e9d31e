/**
 * Makes a stand-in for COCO at its full size, to try `prepare coco` without the photographs: annotation files with all
 * of COCO's fields, and drawn images instead of the photographs, most of them links to the same few. Both layouts are
 * written: the published one and AttnGAN's.
 *
 *   node scripts/draw-coco.mjs --out data/drawn-coco [--year 2014] [--images 120000] [--drawn 200]
 */
import "./node-version.mjs";
import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { Failure, runAsProgram } from "../packages/addons/lib/failure.mjs";
import { setUp } from "./setup.mjs";

await runAsProgram(import.meta.url, async () => {
  const { values } = parseArgs({
    options: {
      out: { type: "string" },
      year: { type: "string", default: "2014" },
      images: { type: "string", default: "120000" },
      drawn: { type: "string", default: "200" },
    },
  });
  const { out } = values;
  if (!out) throw new Failure("--out is required: the folder to create.");
  if (existsSync(out)) throw new Failure(`${out} already exists. Choose another folder, or remove it.`);
  const [year, images, drawn] = [values.year, values.images, values.drawn].map(Number);
  if ((year !== 2014 && year !== 2017) || !(images && images > 0) || !(drawn && drawn > 0))
    throw new Failure("--year must be 2014 or 2017; --images and --drawn must be positive numbers.");
  await setUp();
  const { drawCoco } = await import("../packages/sdgan/dist/testing/coco-tree.js");
  await drawCoco({
    ...{ out, year, images, drawn },
    onProgress: (done, total) => {
      if (done % 20_000 === 0 || done === total) console.log(`${done} of ${total} images`);
    },
  });
  console.log(`${out}: ${images} images. Next:
  npx sdgan prepare coco ${out} --size 64 --out data/coco        as published
  npx sdgan prepare coco ${out}/coco --size 64 --out data/coco   AttnGAN's layout`);
});
