/**
 * What a caption oracle would be measured as: birds drawn by the drawing program itself, as captions of the test
 * split say, and by chance what they do not name. With --deaf 0.3 three of ten named attributes are not heard.
 *
 *   node scripts/caption-oracle.mjs --data data/birds --attribute classifier runs/attribute classifier [--judge runs/judge] [--deaf 0.3] [--images 1000]
 */
import "./node-version.mjs";
import { parseArgs } from "node:util";
import { Failure, runAsProgram } from "../packages/addons/lib/failure.mjs";
import { setUp } from "./setup.mjs";

await runAsProgram(import.meta.url, async () => {
  const { values } = parseArgs({
    options: {
      data: { type: "string" },
      attributeClassifier: { type: "string" },
      judge: { type: "string" },
      deaf: { type: "string", default: "0" },
      images: { type: "string", default: "1000" },
    },
  });
  const { data: folder, attributeClassifier, judge, deaf, images } = values;
  if (!folder || !attributeClassifier)
    throw new Failure(
      "--data and --attribute classifier are needed: prepared birds, and a run folder with an attribute classifier.",
    );
  const [share, count] = [Number(deaf), Number(images)];
  if (!(share >= 0 && share <= 1)) throw new Failure(`--deaf ${deaf}: expected a share from 0 to 1.`);
  if (!(Number.isSafeInteger(count) && count > 0))
    throw new Failure(`--images ${images}: expected a whole number.`);
  await setUp();
  const from = (/** @type {string} */ module) => import(`../packages/sdgan/dist/${module}.js`);
  await from("tuned"); // Before what loads libtorch.
  const { openPrepared } = await from("data/prepared");
  const { chooseTrials } = await from("evaluation/trials");
  const { measure } = await from("evaluation/measure");
  const { attributeExtractor } = await from("evaluation/networks/attribute-classifier");
  const { damsmOfRun } = await from("evaluation/networks/damsm");
  const { figureKinds, metricNames } = await from("evaluation/result");
  const { captionOracle } = await from("testing/caption-oracle");

  const data = openPrepared(folder);
  const trials = chooseTrials(data, "test", count, 0);
  const options = { data, split: "test", size: data.size, device: "cpu" };
  const { figures, leftOut } = measure({
    ...options,
    ...{ trials, seed: 0 },
    metrics: metricNames,
    extractors: {
      attributeClassifier: attributeExtractor(attributeClassifier, options),
      ...(judge && { damsm: damsmOfRun(judge, options) }),
    },
    draw: await captionOracle(data, trials, share),
  });
  data.close();
  for (const [name, { drawn, real }] of Object.entries(figures))
    console.log(
      `${figureKinds[name].title.padEnd(32)} ${drawn.toFixed(3).padStart(7)}` +
        (real === undefined ? "" : `   real ${real.toFixed(3)}`),
    );
  for (const { metric, why } of leftOut) console.log(`${metric} is left out: it ${why}`);
});
