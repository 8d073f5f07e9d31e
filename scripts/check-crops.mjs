/**
 * Checks that every image of a prepared CUB is exactly the crop that StackGAN and AttnGAN use. It computes the crops
 * from CUB's lists and image files alone.
 *
 *   node scripts/check-crops.mjs --birds data/drawn-cub/CUB_200_2011 --data data/cub
 */
import "./node-version.mjs";
import { parseArgs } from "node:util";
import { Failure, runAsProgram } from "../packages/addons/lib/failure.mjs";
import { setUp } from "./setup.mjs";

await runAsProgram(import.meta.url, async () => {
  const { values } = parseArgs({ options: { birds: { type: "string" }, data: { type: "string" } } });
  const { birds, data } = values;
  if (!birds || !data)
    throw new Failure(
      "--birds and --data are required: the folder CUB_200_2011, and the prepared folder made from it.",
    );
  await setUp();
  const { checkCrops } = await import("../packages/sdgan/dist/testing/crop-check.js");
  const { agree, differ } = await checkCrops(birds, data);
  console.log(`${agree} images equal the expected crops`);
  if (differ.length > 0)
    throw new Failure(
      `${differ.length} images differ from the expected crops:\n  ${differ.slice(0, 20).join("\n  ")}`,
    );
});
