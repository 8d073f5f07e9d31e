/**
 * Packs a check for a GPU machine that has Python's torch (or libtorch) and g++, but neither Node nor a network. It
 * contains Node, the compiled JavaScript, the addons' sources, and the npm packages needed at run time.
 *
 *   node scripts/cuda-check/pack.mjs [--out build/cuda-check]
 *
 * The folder then has `sdgan.tar.gz` and `run.sh`, which unpacks, builds, checks and measures on that machine.
 */
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { run, which } from "../../packages/addons/lib/command.mjs";
import { Failure, runAsProgram } from "../../packages/addons/lib/failure.mjs";
import { compileTypeScript, ROOT } from "../setup.mjs";

/** @type {{ workspaces: string[] }} The workspace's packages. */
const { workspaces } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));

/** Files of the project, copied to the same paths. */
const OWN = [
  ...["package.json", "bench", "scripts/cuda-check"],
  ...workspaces
    .flatMap((folder) =>
      ["package.json", "bin", "dist", "include", "lib", "native", "scripts"].map((part) =>
        join(folder, part),
      ),
    )
    .filter((path) => existsSync(join(ROOT, path))),
];

/** Files that are not run there. */
const LEFT_OUT = /__pycache__|\.map$|\.d\.m?ts$|\.test\.[jt]s$|\.tsbuildinfo$|\.md$/;

const MOST_MIB = 64;

await runAsProgram(import.meta.url, async () => {
  const { values } = parseArgs({
    options: { out: { type: "string", default: join(ROOT, "build/cuda-check") } },
  });
  const out = resolve(values.out);
  const { code, output } = await compileTypeScript();
  if (code !== 0) throw new Failure(`The TypeScript does not compile:\n${output.trim()}`);
  const stage = mkdtempSync(join(tmpdir(), "sdgan-pack-"));
  try {
    for (const path of OWN) copy(join(ROOT, path), join(stage, path));
    copyPackages(stage);
    await copyNode(stage);
    mkdirSync(out, { recursive: true });
    const archive = join(out, "sdgan.tar.gz");
    await succeed("tar", ["-C", stage, "--owner=0", "--group=0", "-czf", archive, "."]);
    copyFileSync(fileURLToPath(new URL("run.sh", import.meta.url)), join(out, "run.sh"));
    const size = statSync(archive).size / 2 ** 20;
    if (size > MOST_MIB)
      throw new Failure(`${archive} has ${size.toFixed(0)} MiB; expected at most ${MOST_MIB} MiB.`);
    console.log(`✓ ${relative(process.cwd(), out) || "."}: ${size.toFixed(1)} MiB. Run there: sh run.sh`);
  } finally {
    rmSync(stage, { recursive: true });
  }
});

/**
 * Copies the npm packages that the workspace's packages need at run time, and their dependencies.
 *
 * @param {string} stage
 */
function copyPackages(stage) {
  const queue = workspaces.map((folder) => join(ROOT, folder));
  const done = new Set();
  for (let folder = queue.shift(); folder !== undefined; folder = queue.shift()) {
    const { dependencies = {}, optionalDependencies = {} } = JSON.parse(
      readFileSync(join(folder, "package.json"), "utf8"),
    );
    for (const name of [...Object.keys(dependencies), ...Object.keys(optionalDependencies)]) {
      const found = findPackage(name, folder);
      if (!found && name in optionalDependencies) continue; // For another platform.
      if (!found) throw new Failure(`The npm package ${name} is not installed.\n  Remedy: npm run setup.`);
      if (done.has(found)) continue;
      done.add(found);
      const own = realpathSync(found);
      const target = join(stage, relative(ROOT, found));
      if (own === found) {
        copy(found, target);
        queue.push(found);
      } else {
        // One of the workspace's packages.
        mkdirSync(dirname(target), { recursive: true });
        symlinkSync(relative(dirname(found), own), target);
      }
    }
  }
}

/**
 * Searches as Node does: in the `node_modules` of the folder and of its parents.
 *
 * @param {string} name
 * @param {string} folder
 * @returns {string | undefined}
 */
function findPackage(name, folder) {
  const found = join(folder, "node_modules", name);
  if (existsSync(join(found, "package.json"))) return found;
  return folder === resolve(ROOT) ? undefined : findPackage(name, dirname(folder));
}

/**
 * Copies Node. If `strip` is installed, removes its symbols, a tenth of its size.
 *
 * @param {string} stage
 */
async function copyNode(stage) {
  const node = join(stage, "bin/node");
  mkdirSync(dirname(node));
  copyFileSync(process.execPath, node);
  chmodSync(node, 0o755);
  if (which("strip")) await succeed("strip", ["--strip-unneeded", node]);
  await succeed(node, ["--version"]);
}

/**
 * @param {string} from
 * @param {string} to
 */
function copy(from, to) {
  cpSync(from, to, { recursive: true, filter: (path) => !LEFT_OUT.test(path) });
}

/**
 * @param {string} program
 * @param {string[]} args
 */
async function succeed(program, args) {
  const { code, output } = await run(program, args);
  if (code !== 0) throw new Failure(`${program} failed: ${output.trim()}`);
}
