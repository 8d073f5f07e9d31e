/**
 * Whether every image of a prepared CUB is what StackGAN and AttnGAN cut out of it, to the pixel, told from the
 * lists and the images' files alone.
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
    throw new Failure("--birds and --data are needed: CUB_200_2011, and what was prepared of it.");
  await setUp();
  const { checkCrops } = await import("../packages/sdgan/dist/testing/crop-check.js");
  const { agree, differ } = await checkCrops(birds, data);
  console.log(`${agree} images are what the rule cuts out`);
  if (differ.length > 0)
    throw new Failure(`${differ.length} are not:\n  ${differ.slice(0, 20).join("\n  ")}`);
});
