/**
 * Generates images with a model in the box, which takes seconds and needs no set-up. Then the whole workflow, in about
 * twenty minutes after set-up: renders a data set of birds, trains SD-GAN on it, and generates images from captions of
 * species that were not in the training data. It runs the public commands of sdgan. If it is stopped and started again,
 * it resumes where it stopped.
 *
 *   npm run demo
 */
import "./node-version.mjs";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { runInTerminal } from "../packages/addons/lib/command.mjs";
import { Failure, runAsProgram } from "../packages/addons/lib/failure.mjs";
import { firstImages } from "./first-images.mjs";
import { ROOT, setUp } from "./setup.mjs";

/** Minutes for everything except set-up. The GAN trains for what the other steps leave. */
const MINUTES = 19;
const LEAST_GAN_MINUTES = 8;

/** The folder of all files. */
const OUT = process.env.SDGAN_DEMO ?? "demo";
const DATA = `${OUT}/birds`;
/** Many more species, from another seed, for the attribute classifier: it must know every combination. */
const CLASSIFIER_DATA = `${OUT}/classifier-birds`;
const RUN = `${OUT}/run`;

const HELP = `npm run demo: generates images with a model in the box. Then it sets up libtorch, renders birds, trains SD-GAN
on them for about twenty minutes, and generates images of unseen species. All files are in the folder demo, or the one that
the variable SDGAN_DEMO names. There are no options. If it is stopped and started again, it resumes.`;

await runAsProgram(import.meta.url, async () => {
  const { values } = parseArgs({ options: { help: { type: "boolean", short: "h" } } });
  if (values.help) return console.log(HELP);
  await firstImages(`${OUT}/first-images`);
  await setUp();
  process.on("SIGINT", () => {}); // The running command saves its state and reports it.
  const begin = performance.now();

  await prepare(DATA);
  await prepare(CLASSIFIER_DATA, "--species", "600", "--images", "10", "--seed", "1");
  await train("attribute-classifier", `${RUN}/attribute-classifier`, CLASSIFIER_DATA);
  await train("damsm", `${RUN}/damsm`, DATA);
  const left = MINUTES - (performance.now() - begin) / 60_000;
  if (!existsSync(resolve(ROOT, RUN, "evaluation.json")))
    await train("gan", RUN, DATA, "--minutes", Math.max(LEAST_GAN_MINUTES, left).toFixed(1));
  await sdgan("evaluate", "--run", RUN, "--data", DATA);

  const minutes = (performance.now() - begin) / 60_000;
  console.log(`
Done in ${minutes.toFixed(1)} minutes after set-up. Generated and real images: ${resolve(ROOT, RUN, "evaluation.png")}

Next steps:
  npx sdgan generate --run ${RUN} --caption "a small red bird with black wings" --count 4 --out ${OUT}/images
  npx sdgan train gan --data ${DATA} --run ${RUN} --resume --minutes 40    for better images
To start again from the beginning, remove the folder ${OUT}.`);
});

/**
 * Prepares birds if the folder does not exist yet.
 *
 * @param {string} out
 * @param {string[]} more options
 */
async function prepare(out, ...more) {
  if (!existsSync(resolve(ROOT, out, "contact-sheet.png")))
    await sdgan("prepare", "birds", ...more, "--out", out);
}

/**
 * Starts a training, or resumes it if it was interrupted.
 *
 * @param {"damsm" | "attribute-classifier" | "gan"} what
 * @param {string} folder of this training
 * @param {string} data
 * @param {string[]} more options
 */
async function train(what, folder, data, ...more) {
  const begun = existsSync(resolve(ROOT, folder, "config.yaml"));
  const how = begun ? ["--resume"] : ["--config", "birds-64"];
  await sdgan("train", what, "--data", data, "--run", RUN, ...how, ...more);
}

/** @param {string[]} args */
async function sdgan(...args) {
  const command = args.join(" ");
  console.log(`\n$ npx sdgan ${command}`);
  const code = await runInTerminal(process.execPath, ["packages/sdgan/bin/sdgan.js", ...args], { cwd: ROOT });
  if (code === 130) throw new Failure("Stopped. npm run demo resumes from here.");
  if (code !== 0)
    throw new Failure(`sdgan ${command} failed: see the message above. npm run demo resumes from here.`);
}
