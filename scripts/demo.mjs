/**
 * The main job from nothing, in about twenty minutes after set-up: draws a data set of birds, trains SD-GAN on it,
 * and shows what it draws from captions of species that it never saw. It types the same commands that anyone can.
 * What is done stays done: stopped and started again, it goes on where it was.
 *
 *   npm run demo
 */
import "./node-version.mjs";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runInTerminal } from "../packages/addons/lib/command.mjs";
import { Failure, runAsProgram } from "../packages/addons/lib/failure.mjs";
import { ROOT, setUp } from "./setup.mjs";

/** Minutes for everything but set-up; what the other steps leave of them is the GAN's. */
const MINUTES = 19;
const LEAST_GAN_MINUTES = 8;

const DATA = "demo/birds";
/** Many more species, from another seed: the attribute classifier must know every combination, and is no part of the model. */
const CLASSIFIER_DATA = "demo/classifier-birds";
const RUN = "demo/run";

const HELP = `npm run demo: draws birds, trains SD-GAN on them for about twenty minutes, draws unseen ones, all in the folder
demo. It has no options; stopped and started again, it goes on where it was.`;

await runAsProgram(import.meta.url, async () => {
  const { values } = parseArgs({ options: { help: { type: "boolean", short: "h" } } });
  if (values.help) return console.log(HELP);
  await setUp();
  process.on("SIGINT", () => {}); // The command that is running saves, and says so.
  const begin = performance.now();

  await once(`${DATA}/contact-sheet.png`, `prepare birds --out ${DATA}`);
  await once(
    `${CLASSIFIER_DATA}/contact-sheet.png`,
    `prepare birds --species 600 --images 10 --seed 1 --out ${CLASSIFIER_DATA}`,
  );
  await train("attribute-classifier", `${RUN}/attribute-classifier`, CLASSIFIER_DATA);
  await train("damsm", `${RUN}/damsm`, DATA);
  const left = MINUTES - (performance.now() - begin) / 60_000;
  if (!existsSync(join(ROOT, RUN, "evaluation.json")))
    await train("gan", RUN, DATA, `--minutes ${Math.max(LEAST_GAN_MINUTES, left).toFixed(1)}`);
  await sdgan(`evaluate --run ${RUN} --data ${DATA}`);

  const minutes = (performance.now() - begin) / 60_000;
  console.log(`
Done in ${minutes.toFixed(1)} minutes after set-up. Augmentation at ${join(ROOT, RUN, "evaluation.png")}

On from here:
  npx sdgan generate --run ${RUN} --caption "a small red bird with black wings" --count 4 --out demo/images
  npx sdgan train gan --data ${DATA} --run ${RUN} --resume --minutes 40    for better images
To begin anew, remove the folder demo.`);
});

/**
 * A command whose result is not there yet.
 *
 * @param {string} result
 * @param {string} command
 */
async function once(result, command) {
  if (!existsSync(join(ROOT, result))) await sdgan(command);
}

/**
 * A training: from its beginning, or from where it was interrupted.
 *
 * @param {"damsm" | "attribute-classifier" | "gan"} what
 * @param {string} folder of this training
 * @param {string} data
 * @param {string} [more]
 */
async function train(what, folder, data, more = "") {
  const begun = existsSync(join(ROOT, folder, "config.yaml"));
  const how = begun ? "--resume" : "--config birds-64";
  await sdgan(`train ${what} --data ${data} --run ${RUN} ${how} ${more}`.trimEnd());
}

/** @param {string} command without quotes: its words are those between spaces */
async function sdgan(command) {
  console.log(`\n$ npx sdgan ${command}`);
  const code = await runInTerminal(process.execPath, ["packages/sdgan/bin/sdgan.js", ...command.split(" ")], {
    cwd: ROOT,
  });
  if (code === 130) throw new Failure("Stopped. npm run demo goes on from here.");
  if (code !== 0)
    throw new Failure(`sdgan ${command} failed, as it says above. npm run demo goes on from here.`);
}
