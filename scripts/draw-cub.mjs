/**
 * Draws what CUB-200-2011 is made of, at its full size: its real lists with generated images in the place of its
 * photographs, as published and in AttnGAN's layout. For trying `prepare cub` without the photographs.
 *
 *   node scripts/draw-cub.mjs --lists CUB_200_2011 --out data/drawn-cub [--count 500]
 *
 * The folder of the lists has images.txt, classes.txt, image_class_labels.txt and bounding_boxes.txt; where it has
 * train-filenames.pickle, train-class_info.pickle and those of test too, they are taken for AttnGAN's layout.
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
    throw new Failure("--lists and --out are needed: a folder with CUB's lists, and one to make.");
  if (existsSync(out)) throw new Failure(`${out} is there already. Choose another folder, or remove it.`);
  if (count !== undefined && !/^[1-9]\d*$/.test(count))
    throw new Failure(`--count ${count} is no number of images.`);
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
