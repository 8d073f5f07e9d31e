/**
 * Runs broken and hostile data through every source and `prepare`. Use a separate process, because it may
 * crash.
 */

import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { Random, UserError } from "@sdgan/core";
import sharp from "sharp";
import { prepare } from "../../data/prepare.js";
import { brokenImages } from "./broken-images.js";
import { type DataTarget, dataTargets } from "./data-targets.js";
import { mutated } from "./mutations.js";

export interface DataFuzzOutcome {
  cases: number;
  /** Number of cases with a prepared folder, and with an error. */
  prepared: number;
  refused: number;
  /**
   * Failures: an error other than UserError, too slow, too much memory, the secret was read, or a file
   * outside was written.
   */
  wrong: string[];
  slowest: { seconds: number; case: string };
  peakMebibytes: number;
}

/** What hangs takes forever. The slowest case that ends, an SVG with a million uses, takes 3 to 7 s of processor time. */
const SECONDS = 20;
const MEBIBYTES = 500;

/**
 * Runs every broken image, then `cases` mutations determined by `seed`, in the empty folder `root`.
 * `root/case` has the name of the running case. Time and peak memory are measured for the whole process,
 * including decoding threads.
 */
export async function fuzzData(cases: number, seed: number, root: string): Promise<DataFuzzOutcome> {
  await writeSecret(join(root, "secret"));
  const outcome: DataFuzzOutcome = {
    ...{ cases: 0, prepared: 0, refused: 0, wrong: [] },
    slowest: { seconds: 0, case: "" },
    peakMebibytes: 0,
  };
  const targets = await dataTargets();
  const beside = targets.find(({ name }) => name === "a .txt beside")!;
  for (const [name, image] of await brokenImages()) {
    const files = new Map([...beside.files, ["1.jpg", image]]);
    await run({ ...beside, files }, `image: ${name}`, () => {});
  }
  for (let i = 0; i < cases; i++) {
    const random = new Random(seed, "fuzz", i);
    // Targets in turn, so that all are covered.
    const target = targets[i % targets.length]!;
    await run(target, `${i}: ${target.name}`, (data) => breakFiles(target, data, random));
  }
  return outcome;

  async function run(target: DataTarget, name: string, breakIt: (data: string) => void): Promise<void> {
    writeFileSync(join(root, "case"), name);
    const data = join(root, "data");
    const out = join(root, "out");
    for (const path of [data, out]) rmSync(path, { recursive: true, force: true });
    for (const [path, content] of target.files) {
      mkdirSync(dirname(join(data, path)), { recursive: true });
      writeFileSync(join(data, path), content);
    }
    breakIt(data);
    const peakBefore = peakMebibytes();
    const [begin, cpu] = [performance.now(), process.cpuUsage()];
    const problem = await problemOf(target, data, out, outcome);
    const seconds = (performance.now() - begin) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    const wrong = (what: string) => outcome.wrong.push(`${name}: ${what}`);
    if (problem !== undefined) wrong(problem);
    // The smaller of wall and CPU time, because the machine may be busy. Endless waiting ends in the time
    // limit of the run.
    if (Math.min(seconds, (user + system) / 1e6) > SECONDS) wrong(`took ${seconds.toFixed(1)} s`);
    if (peakMebibytes() > Math.max(MEBIBYTES, peakBefore + 1)) wrong(`took ${peakMebibytes()} MiB`);
    const unexpected = readdirSync(root).filter(
      (entry) => !["case", "data", "out", "secret"].includes(entry),
    );
    if (unexpected.length > 0) wrong(`left ${unexpected.join(", ")}`);
    outcome.cases++;
    outcome.peakMebibytes = peakMebibytes();
    if (seconds > outcome.slowest.seconds) outcome.slowest = { seconds, case: name };
  }
}

/** Peak memory of the process since its start. */
function peakMebibytes(): number {
  return Math.round(process.resourceUsage().maxRSS / 1024);
}

/** Prepares the data. Returns what is wrong with the outcome, if anything. */
async function problemOf(
  target: DataTarget,
  data: string,
  out: string,
  outcome: DataFuzzOutcome,
): Promise<string | undefined> {
  try {
    await prepare(target.open(data), { out, size: 16 });
  } catch (error) {
    outcome.refused++;
    if (existsSync(out)) return "was refused, but left a folder";
    if (!(error instanceof UserError)) return `threw ${String(error).slice(0, 300)}`;
    if (/\n/.test(error.message) || error.message.length > 2000)
      return `has too long a message: ${error.message.slice(0, 300)}`;
    return error.message.includes(SECRET) ? "reported the secret" : undefined;
  }
  outcome.prepared++;
  for (const file of readdirSync(out)) {
    const bytes = readFileSync(join(out, file));
    if (bytes.includes(SECRET)) return "read the secret's words";
    if (file.endsWith(".pixels") && hasSecretColour(bytes)) return "read the secret's image";
  }
  return undefined;
}

/** Words and an image that must never be read. No other image has this colour. */
const SECRET = "secretword";
const SECRET_COLOUR = { r: 255, g: 0, b: 255 };

async function writeSecret(folder: string): Promise<void> {
  mkdirSync(folder);
  const image = sharp({ create: { width: 24, height: 20, channels: 3, background: SECRET_COLOUR } });
  writeFileSync(join(folder, "image.png"), await image.png().toBuffer());
  writeFileSync(join(folder, "words.txt"), `a ${SECRET}\n`);
}

function hasSecretColour(pixels: Buffer): boolean {
  const { r, g, b } = SECRET_COLOUR;
  let found = 0;
  for (let i = 0; i < pixels.length; i += 3) {
    if (pixels[i] === r && pixels[i + 1] === g && pixels[i + 2] === b) found++;
  }
  return found >= 16 * 16;
}

/** Changes one to three files: mostly their bytes, sometimes their type. */
function breakFiles({ files }: DataTarget, data: string, random: Random): void {
  for (let times = 1 + random.below(3); times > 0; times--) {
    const path = random.pick([...files.keys()]);
    const file = join(data, path);
    if (random.chance(0.85)) {
      rmSync(file, { recursive: true, force: true });
      writeFileSync(file, mutated(files.get(path)!, random));
    } else {
      rmSync(file, { recursive: true, force: true });
      random.pick(replacements)(file);
    }
  }
}

/** Replacements of a file: nothing, a folder, links, a pipe, a huge file, an empty file. */
const replacements: ((file: string) => void)[] = [
  () => {},
  (file) => mkdirSync(file),
  (file) => symlinkSync(join(dirname(file), "../secret/words.txt"), file),
  (file) => symlinkSync(join(file, "../../secret/image.png"), file),
  (file) => symlinkSync(file, file),
  (file) => symlinkSync("/dev/zero", file),
  (file) => symlinkSync("/etc/passwd", file),
  (file) => execFileSync("mkfifo", [file]),
  (file) => {
    writeFileSync(file, "");
    truncateSync(file, 2 ** 40);
  },
  (file) => writeFileSync(file, Buffer.alloc(0)),
];
