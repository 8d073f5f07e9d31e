/**
 * Sees to it that there is a libtorch: the one that `find-libtorch.mjs` finds; else Debian's own package,
 * where it can be installed without asking; else the official CPU archive, unpacked into `.libtorch/`.
 *
 *   node install-libtorch.mjs [--archive URL|FILE]
 *
 * With `--archive` that archive goes into `.libtorch/`, for machines that reach no server of PyTorch's.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { aptInstall, THIS_PROCESS } from "./apt.mjs";
import { ensureFastBlas, FAST_BLAS } from "./blas.mjs";
import { Failure, runAsProgram } from "./failure.mjs";
import { findLibtorch, inspect, PROJECT_ROOT } from "./find-libtorch.mjs";
import { installArchive, officialArchive } from "./libtorch-archive.mjs";
import { withLock } from "./lock.mjs";
import { OLDEST_VERSION } from "./version.mjs";

/** @typedef {import("./find-libtorch.mjs").Libtorch} Libtorch */

const APT_PACKAGES = ["libtorch-dev", FAST_BLAS];

/**
 * @typedef {object} InstallOptions
 * @property {string} [projectRoot]
 * @property {string[]} [systemPrefixes]
 * @property {import("./apt.mjs").Caller} [caller]
 * @property {string | null} [archive] a URL or the path of a file; null if there is none for this machine
 * @property {(line: string) => void} [say]
 */

/**
 * @param {InstallOptions} [options]
 * @returns {Promise<{ libtorch: Libtorch, installed: boolean }>} `installed` tells whether it was missing
 * @throws {Failure} if there is no libtorch and no way to get one, or if LIBTORCH is set to an unfit one
 */
export async function ensureLibtorch({
  projectRoot = PROJECT_ROOT,
  systemPrefixes,
  caller = THIS_PROCESS,
  archive = officialArchive(),
  say = console.log,
} = {}) {
  const find = () =>
    findLibtorch({ env: caller.env, projectRoot, ...(systemPrefixes ? { systemPrefixes } : {}) });
  const found = find().libtorch;
  const libtorch =
    found ??
    (await withLock(join(projectRoot, ".libtorch.lock"), async () => {
      // Another process may have installed it while this one waited.
      const { libtorch, rejected } = find();
      return libtorch ?? (await install({ find, rejected, projectRoot, caller, archive, say }));
    }));
  await ensureFastBlas(libtorch, { caller, say });
  return { libtorch, installed: !found };
}

/**
 * Puts an archive into `.libtorch/`, whatever is there.
 *
 * @param {string} archive a URL or the path of a file
 * @param {string} projectRoot
 * @param {(line: string) => void} say
 * @returns {Promise<Libtorch>}
 */
async function installFrom(archive, projectRoot, say) {
  const target = join(projectRoot, ".libtorch");
  const progress = progressPrinter(say);
  say(`  fetching libtorch from ${archive} …`);
  await installArchive(archive, target, progress.update).finally(progress.end);
  return /** @type {Libtorch} */ (inspect(target, "project").libtorch);
}

/**
 * @param {object} options
 * @param {() => { libtorch: Libtorch | undefined }} options.find
 * @param {string[]} options.rejected
 * @param {string} options.projectRoot
 * @param {import("./apt.mjs").Caller} options.caller
 * @param {string | null} options.archive
 * @param {(line: string) => void} options.say
 * @returns {Promise<Libtorch>}
 */
async function install({ find, rejected, projectRoot, caller, archive, say }) {
  const announce = () => say(`  installing ${APT_PACKAGES.join(" and ")} with apt-get (a minute or two) …`);
  const aptHindrance = await aptInstall(APT_PACKAGES, { oldest: OLDEST_VERSION, caller, announce });
  const { libtorch } = find();
  if (libtorch) return libtorch;
  try {
    if (!archive)
      throw new Failure(`PyTorch offers none for ${process.platform} on ${process.arch} with this C library`);
    return await installFrom(archive, projectRoot, say);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new Failure(describeLack(rejected, aptHindrance ?? "installed, but not found", error.message));
  }
}

/**
 * @param {string[]} rejected
 * @param {string} aptHindrance
 * @param {string} archiveHindrance
 */
function describeLack(rejected, aptHindrance, archiveHindrance) {
  return [
    `libtorch ${OLDEST_VERSION} or newer is needed; it is not here and could not be installed.`,
    ...rejected.map((line) => `  Found: ${line}.`),
    `  Debian's package: ${aptHindrance}.`,
    `  The official archive: ${archiveHindrance}.`,
    "  Remedy, one of these, then npm run setup:",
    `    apt-get install -y ${APT_PACKAGES.join(" ")}   (as root; Debian 12 or newer)`,
    "    pip install torch   (set-up finds the torch of the python3 on the PATH)",
    "    LIBTORCH=/folder/with/include/and/lib   (an environment variable)",
    "    node packages/torch/scripts/install-libtorch.mjs --archive FILE.zip",
  ].join("\n");
}

/**
 * On a terminal one line that changes; elsewhere, as in a log, a line now and then.
 *
 * @param {(line: string) => void} say
 */
function progressPrinter(say) {
  const interval = process.stdout.isTTY ? 200 : 10_000;
  let printed = Date.now();
  return {
    /** @param {string} done */
    update(done) {
      if (Date.now() - printed < interval) return;
      printed = Date.now();
      if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K  ${done}`);
      else say(`  ${done}`);
    },
    end() {
      if (process.stdout.isTTY) process.stdout.write("\r\x1b[K");
    },
  };
}

await runAsProgram(import.meta.url, async () => {
  const { values } = parseArgs({ options: { archive: { type: "string" } } });
  const libtorch = values.archive
    ? await installFrom(values.archive, PROJECT_ROOT, console.log)
    : (await ensureLibtorch()).libtorch;
  console.log(`✓ libtorch ${libtorch.version} in ${libtorch.home} (${libtorch.origin})`);
});
