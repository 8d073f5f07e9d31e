/**
 * Generates images with a model in the box, which takes seconds and needs no set-up. Then the whole workflow, in about
 * twenty minutes after set-up: renders a data set of birds, trains SD-GAN on it, and generates images from captions of
 * species that were not in the training data. With `faces` the data are emoji's faces, described in six languages. It
 * runs the public commands of sdgan. If it is stopped and started again, it resumes where it stopped.
 *
 *   npm run demo
 *   npm run demo -- faces
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
/** A longer training of DAMSM teaches the GAN more than a longer one of its own: docs/training.md#how-long-damsm-trains. */
const DAMSM_MINUTES = "7";
const LEAST_GAN_MINUTES = 8;

/** The folder of all files. */
const OUT = process.env.SDGAN_DEMO ?? "demo";

const HELP = `npm run demo [-- faces]: generates images with a model in the box. Then it sets up libtorch, renders birds, trains
SD-GAN on them for about twenty minutes, and generates images of unseen species. With faces, the images are emoji's faces, with
captions in six languages: npm downloads them (41 MB) the first time. All files are in the folder demo, or the one that the
variable SDGAN_DEMO names. If it is stopped and started again, it resumes.`;

/** Captions of faces for the sheet: most are names of emoji, the last eight are of nothing that is an emoji. */
const FACES = [
  ...[
    "grinning face",
    "winking face",
    "crying face",
    "angry face",
    "face with tongue",
    "smiling face with sunglasses",
  ],
  ...[
    "cat face",
    "monkey face",
    "pig face",
    "alien",
    "robot",
    "skull",
    "笑脸",
    "visage qui pleure",
    "cara de gato",
  ],
  ...[
    "cat face with sunglasses",
    "crying face with hat",
    "angry cat",
    "winking monkey",
    "green face with tongue",
  ],
  ...["blue face with smiling eyes", "robot with heart eyes", "pig with tears"],
];

const DEMOS = new Map([
  ["birds", birds],
  ["faces", faces],
]);

await runAsProgram(import.meta.url, async () => {
  const { values, positionals } = parseArgs({
    options: { help: { type: "boolean", short: "h" } },
    allowPositionals: true,
  });
  if (values.help) return console.log(HELP);
  const [name = "birds", ...more] = positionals;
  const demo = DEMOS.get(name);
  if (!demo || more.length > 0)
    throw new Failure(
      `npm run demo -- ${positionals.join(" ")}: expected ${[...DEMOS.keys()].join(" or ")}.`,
    );
  await firstImages(`${OUT}/first-images`);
  await setUp();
  process.on("SIGINT", () => {}); // The running command saves its state and reports it.
  await demo();
});

async function birds() {
  const [DATA, RUN] = [`${OUT}/birds`, `${OUT}/run`];
  // Other species, from another seed, for the attribute classifier.
  const CLASSIFIER_DATA = `${OUT}/classifier-birds`;
  const training = { run: RUN, config: "birds-64" };
  const minutes = stopwatch();
  // Few images of many species: DAMSM then learns what captions name, not which species it sees.
  await prepare(DATA, "birds", "--species", "600", "--images", "14");
  await prepare(CLASSIFIER_DATA, "birds", "--species", "600", "--images", "10", "--seed", "1");
  await train("attribute-classifier", { ...training, data: CLASSIFIER_DATA });
  if (!existsSync(resolve(ROOT, RUN, "config.yaml")))
    await train("damsm", { ...training, data: DATA }, "--minutes", DAMSM_MINUTES);
  if (!existsSync(resolve(ROOT, RUN, "evaluation.json")))
    await train("gan", { ...training, data: DATA }, "--minutes", ganMinutes(minutes()));
  await sdgan("evaluate", "--run", RUN, "--data", DATA);
  console.log(`
Done in ${minutes().toFixed(1)} minutes after set-up. Generated and real images: ${resolve(ROOT, RUN, "evaluation.png")}

Next steps:
  npx sdgan generate --run ${RUN} --caption "a small bird with a red body and black wings" --count 4 --out ${OUT}/images
  npx sdgan train gan --data ${DATA} --run ${RUN} --resume --minutes 40    for better images
To start again from the beginning, remove the folder ${OUT}.`);
}

async function faces() {
  const [DATA, RUN, IMAGES] = [`${OUT}/faces`, `${OUT}/faces-run`, `${OUT}/faces-images`];
  const training = { run: RUN, config: "faces-64", data: DATA };
  const minutes = stopwatch();
  await prepare(DATA, "emoji", "--groups", "faces", "--languages", "en,zh,es,fr,hi,ar");
  await train("damsm", training);
  if (!existsSync(resolve(ROOT, IMAGES, "grid.png")))
    await train("gan", training, "--minutes", ganMinutes(minutes()));
  await sdgan(
    "generate",
    "--run",
    RUN,
    ...FACES.flatMap((caption) => ["--caption", caption]),
    "--out",
    IMAGES,
  );
  console.log(`
Done in ${minutes().toFixed(1)} minutes after set-up. Images: ${resolve(ROOT, IMAGES, "grid.png")}

Next steps:
  npx sdgan generate --run ${RUN} --caption "cat face with sunglasses" --count 4 --out ${OUT}/images
  npx sdgan train gan --data ${DATA} --run ${RUN} --resume --minutes 40    for better images
To start again from the beginning, remove the folder ${OUT}.`);
}

/**
 * The minutes that the GAN trains for.
 *
 * @param {number} spent minutes that the other steps took
 */
function ganMinutes(spent) {
  return Math.max(LEAST_GAN_MINUTES, MINUTES - spent).toFixed(1);
}

function stopwatch() {
  const begin = performance.now();
  return () => (performance.now() - begin) / 60_000;
}

/**
 * Prepares a data set if the folder does not exist yet.
 *
 * @param {string} out
 * @param {string[]} source its name and options
 */
async function prepare(out, ...source) {
  if (!existsSync(resolve(ROOT, out, "contact-sheet.png"))) await sdgan("prepare", ...source, "--out", out);
}

/**
 * Starts a training, or resumes it if it was interrupted.
 *
 * @param {"damsm" | "attribute-classifier" | "gan"} what
 * @param {{ run: string, config: string, data: string }} training
 * @param {string[]} more options
 */
async function train(what, { run, config, data }, ...more) {
  const folder = what === "gan" ? run : `${run}/${what}`;
  const begun = existsSync(resolve(ROOT, folder, "config.yaml"));
  const how = begun ? ["--resume"] : ["--config", config];
  await sdgan("train", what, "--data", data, "--run", run, ...how, ...more);
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
