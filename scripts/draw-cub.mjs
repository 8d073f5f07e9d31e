/**
 * Makes a stand-in for CUB-200-2011 at its full size, to try `prepare cub` without the photographs: CUB's real lists,
 * and drawn images instead of the photographs. Both layouts are written: the published one and AttnGAN's.
 *
 *   node scripts/draw-cub.mjs --lists CUB_200_2011 --out data/drawn-cub [--count 500]
 *
 * The folder of the lists has images.txt, classes.txt, image_class_labels.txt and bounding_boxes.txt. If it also has
 * train-filenames.pickle, train-class_info.pickle and the same two for test, AttnGAN's layout uses them.
 */
import "./node-version.mjs";
import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { Failure, runAsProgram } from "../packages/addons/lib/failure.mjs";
import { setUp } from "./setup.mjs";

await runAsProgram(import.meta.url, async () => {
  const { values } = parseArgs({
    options: { lists: { type: "string" }, out: { type: "string" }, count: { type: "string" } },
  });
  const { lists, out, count } = values;
  if (!lists || !out)
    throw new Failure("--lists and --out are required: a folder with CUB's lists, and the folder to create.");
  if (existsSync(out)) throw new Failure(`${out} already exists. Choose another folder, or remove it.`);
  if (count !== undefined && !/^[1-9]\d*$/.test(count))
    throw new Failure(`--count ${count}: expected a number of images.`);
  await setUp();
  const { drawCub } = await import("../packages/sdgan/dist/testing/cub-tree.js");
  const drawn = await drawCub({
    lists,
    out,
    ...(count !== undefined && { count: Number(count) }),
    onProgress: (done, total) => {
      if (done % 500 === 0 || done === total) console.log(`${done} of ${total} images`);
    },
  });
  console.log(`${out}: ${drawn.length} images. Next:
  npx sdgan prepare cub ${out}/CUB_200_2011 --out data/cub     as published
  npx sdgan prepare cub ${out}/birds --out data/cub            AttnGAN's layout`);
});
