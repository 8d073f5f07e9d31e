/**
 * Ensures that there is a libtorch: the one that `find-libtorch.mjs` finds; else Debian's package, if it can be installed
 * without a password; else the official CPU archive, unpacked into the per-user cache.
 */
import { join } from "node:path";
import { aptInstall, cacheFolder, cacheFolders, Failure, THIS_PROCESS, withLock } from "@sdgan/addons";
import { ensureFastBlas, FAST_BLAS } from "./blas.mjs";
import { findLibtorch, OLDEST_VERSION, PROJECT_ROOT } from "./find-libtorch.mjs";
import { ensureGloo, GLOO } from "./gloo.mjs";
import { installArchive, officialArchive } from "./libtorch-archive.mjs";

/** @typedef {import("./find-libtorch.mjs").Libtorch} Libtorch */

const APT_PACKAGES = ["libtorch-dev", GLOO, FAST_BLAS];

/** @typedef {import("./libtorch-archive.mjs").Archive} Archive */

/**
 * @typedef {object} InstallOptions
 * @property {string} [projectRoot]
 * @property {string} [cache] instead of the user's
 * @property {string[]} [systemPrefixes]
 * @property {import("@sdgan/addons").Caller} [caller]
 * @property {Archive | null} [archive] null if this machine has none
 * @property {(line: string) => void} [say]
 */

/**
 * @param {InstallOptions} [options]
 * @returns {Promise<{ libtorch: Libtorch, installed: boolean }>} `installed`: whether it was missing
 * @throws {Failure} if there is no libtorch and none can be installed, or if LIBTORCH is set to an unusable one
 */
export async function ensureLibtorch({
  projectRoot = PROJECT_ROOT,
  cache,
  systemPrefixes,
  caller = THIS_PROCESS,
  archive = officialArchive(),
  say = console.log,
} = {}) {
  const { env } = caller;
  const caches = cache ? [cache] : cacheFolders({ env });
  const places = { env, projectRoot, caches, ...(systemPrefixes ? { systemPrefixes } : {}) };
  const found = findLibtorch(places).libtorch;
  const libtorch = found ?? (await installOnce());
  await ensureFastBlas(libtorch, { caller, say });
  await ensureGloo(libtorch, { caller, say });
  return { libtorch, installed: !found };

  async function installOnce() {
    const into = cache ?? cacheFolder({ env, say });
    return withLock(join(into, "libtorch.lock"), async () => {
      // Another process may have installed it meanwhile.
      const find = () => findLibtorch({ ...places, caches: [...caches, into] });
      const { libtorch, rejected } = find();
      return libtorch ?? (await install({ find, rejected, cache: into, caller, archive, say }));
    });
  }
}

/**
 * Unpacks an archive into the cache, even if there is already a libtorch.
 *
 * @param {string} archive a URL or the path of a file
 * @param {{ cache?: string, env?: NodeJS.ProcessEnv, say?: (line: string) => void }} [options] the variable
 *   LIBTORCH_SHA256 of `env` is the checksum that the archive must have
 * @returns {Promise<Libtorch>}
 * @throws {Failure}
 */
export async function installFrom(archive, { cache, env = process.env, say = console.log } = {}) {
  const into = cache ?? cacheFolder({ env, say });
  const sha256 = env.LIBTORCH_SHA256;
  return withLock(join(into, "libtorch.lock"), () =>
    fetchArchive({ from: archive, ...(sha256 ? { sha256 } : {}) }, into, say),
  );
}

/**
 * @param {Archive} archive
 * @param {string} cache
 * @param {(line: string) => void} say
 * @returns {Promise<Libtorch>}
 */
async function fetchArchive(archive, cache, say) {
  const progress = progressPrinter(say);
  say(`  fetching libtorch from ${archive.from} …`);
  const { libtorch, sha256 } = await installArchive(archive, cache, progress.update).finally(progress.end);
  say(
    archive.sha256
      ? `  its SHA-256 is as expected: ${sha256}`
      : `! its SHA-256 is ${sha256}; it was not checked: set LIBTORCH_SHA256 to the expected value`,
  );
  return libtorch;
}

/**
 * @param {object} options
 * @param {() => { libtorch: Libtorch | undefined }} options.find
 * @param {string[]} options.rejected
 * @param {string} options.cache
 * @param {import("@sdgan/addons").Caller} options.caller
 * @param {Archive | null} options.archive
 * @param {(line: string) => void} options.say
 * @returns {Promise<Libtorch>}
 */
async function install({ find, rejected, cache, caller, archive, say }) {
  const announce = () => say(`  installing ${APT_PACKAGES.join(", ")} with apt-get (a minute or two) …`);
  const aptHindrance = await aptInstall(APT_PACKAGES, { oldest: OLDEST_VERSION, caller, announce });
  const { libtorch } = find();
  if (libtorch) return libtorch;
  try {
    if (!archive)
      throw new Failure(
        `PyTorch has no archive for ${process.platform} on ${process.arch} with this C library`,
      );
    return await fetchArchive(archive, cache, say);
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
    `libtorch ${OLDEST_VERSION} or newer is needed; it was not found and could not be installed.`,
    ...rejected.map((line) => `  Found: ${line}.`),
    `  Debian's package: ${aptHindrance}.`,
    `  The official archive: ${archiveHindrance}.`,
    "  Remedy: one of these, then npx sdgan setup:",
    `    apt-get install -y ${APT_PACKAGES.join(" ")}   (as root; Debian 12 or newer)`,
    "    pip install torch   (set-up finds the torch of the python3 on the PATH)",
    "    LIBTORCH=/folder/with/include/and/lib   (an environment variable)",
    "    npx sdgan setup --archive FILE.zip   (a libtorch archive that you downloaded)",
  ].join("\n");
}

/**
 * Updates one line on a terminal; elsewhere, as in a log, prints a line from time to time.
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
