/**
 * What a perfect listener would be measured as: birds drawn by the drawing program itself, as captions of the test
 * split say, and by chance what they do not name. With --deaf 0.3 three of ten named attributes are not heard.
 *
 *   node scripts/perfect-listener.mjs --data data/birds --reader runs/reader [--judge runs/judge] [--deaf 0.3] [--pictures 1000]
 */
import "./node-version.mjs";
import { parseArgs } from "node:util";
import { Failure, runAsProgram } from "../packages/torch/scripts/failure.mjs";
import { setUp } from "./setup.mjs";

await runAsProgram(import.meta.url, async () => {
  const { values } = parseArgs({
    options: {
      data: { type: "string" },
      reader: { type: "string" },
      judge: { type: "string" },
      deaf: { type: "string", default: "0" },
      pictures: { type: "string", default: "1000" },
    },
  });
  const { data: folder, reader, judge, deaf, pictures } = values;
  if (!folder || !reader)
    throw new Failure("--data and --reader are needed: prepared birds, and a run folder with a reader.");
  const [share, count] = [Number(deaf), Number(pictures)];
  if (!(share >= 0 && share <= 1)) throw new Failure(`--deaf ${deaf}: expected a share from 0 to 1.`);
  if (!(Number.isSafeInteger(count) && count > 0))
    throw new Failure(`--pictures ${pictures}: expected a whole number.`);
  await setUp();
  const from = (/** @type {string} */ module) => import(`../packages/sdgan/dist/${module}.js`);
  await from("tuned"); // Before what loads libtorch.
  const { openPrepared } = await from("data/prepared");
  const { chooseTrials } = await from("evaluation/choose");
  const { measure } = await from("evaluation/measure");
  const { readerOnlooker } = await from("evaluation/networks/reader");
  const { damsmOfRun } = await from("evaluation/networks/damsm");
  const { figureKinds, metricNames } = await from("evaluation/result");
  const { perfectListener } = await from("testing/perfect-listener");

  const data = openPrepared(folder);
  const trials = chooseTrials(data, count, 0);
  const options = { data, size: data.size, device: "cpu" };
  const { figures, leftOut } = measure({
    ...options,
    ...{ trials, seed: 0 },
    metrics: metricNames,
    onlookers: {
      reader: readerOnlooker(reader, options),
      ...(judge && { damsm: damsmOfRun(judge, options) }),
    },
    draw: await perfectListener(data, trials, share),
  });
  data.close();
  for (const [name, { drawn, real }] of Object.entries(figures))
    console.log(
      `${figureKinds[name].title.padEnd(32)} ${drawn.toFixed(3).padStart(7)}` +
        (real === undefined ? "" : `   real ${real.toFixed(3)}`),
    );
  for (const { metric, why } of leftOut) console.log(`${metric} is left out: it ${why}`);
});
