/**
 * Evaluates the caption oracle: the program that renders the built-in birds, given the attributes that
 * captions of the test split name. Attributes that a caption does not name are sampled. With --ignored 0.3, a
 * named attribute is ignored with probability 0.3. With --evaluation-damsm, R-precision is computed too.
 *
 *   node scripts/caption-oracle.mjs --data data/birds --attribute-classifier runs/attribute-classifier [--evaluation-damsm runs/other] [--ignored 0.3] [--images 1000]
 */
import "./node-version.mjs";
import { parseArgs } from "node:util";
import { Failure, runAsProgram } from "../packages/addons/lib/failure.mjs";
import { setUp } from "./setup.mjs";

await runAsProgram(import.meta.url, async () => {
  const { values } = parseArgs({
    options: {
      data: { type: "string" },
      "attribute-classifier": { type: "string" },
      "evaluation-damsm": { type: "string" },
      ignored: { type: "string", default: "0" },
      images: { type: "string", default: "1000" },
    },
  });
  const { data: folder, ignored, images } = values;
  const { "attribute-classifier": attributeClassifier, "evaluation-damsm": damsm } = values;
  if (!folder || !attributeClassifier)
    throw new Failure(
      "--data and --attribute-classifier are required: prepared birds, and a run folder with an attribute classifier.",
    );
  const [share, count] = [Number(ignored), Number(images)];
  if (!(share >= 0 && share <= 1))
    throw new Failure(`--ignored ${ignored}: expected a probability from 0 to 1.`);
  if (!(Number.isSafeInteger(count) && count > 0))
    throw new Failure(`--images ${images}: expected a positive integer.`);
  await setUp();
  const from = (/** @type {string} */ module) => import(`../packages/sdgan/dist/${module}.js`);
  await from("tuned"); // Before any module that loads libtorch.
  const { openPrepared } = await from("data/prepared");
  const { chooseTrials } = await from("evaluation/trials");
  const { measure } = await from("evaluation/measure");
  const { attributeExtractor } = await from("evaluation/networks/attribute-classifier");
  const { damsmOfRun } = await from("evaluation/networks/damsm");
  const { figureKinds, metricNames } = await import("@sdgan/core");
  const { captionOracle } = await from("testing/caption-oracle");

  const data = openPrepared(folder);
  const trials = chooseTrials(data, "test", count, 0);
  const options = { data, split: "test", size: data.size, device: "cpu" };
  const { figures, leftOut } = await measure({
    ...options,
    ...{ trials, seed: 0 },
    metrics: metricNames,
    extractors: {
      attributeClassifier: attributeExtractor(attributeClassifier, options),
      ...(damsm && { damsm: damsmOfRun(damsm, options) }),
    },
    generate: await captionOracle(data, trials, share),
  });
  data.close();
  for (const [name, { generated, real }] of Object.entries(figures))
    console.log(
      `${figureKinds[/** @type {import("@sdgan/core").FigureName} */ (name)].title.padEnd(32)} ${generated.toFixed(3).padStart(7)}` +
        (real === undefined ? "" : `   real ${real.toFixed(3)}`),
    );
  for (const { metric, why } of leftOut) console.log(`${metric} cannot be computed: it ${why}`);
});
