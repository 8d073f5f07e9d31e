/** Downloads libtorch's official archive and unpacks it, without programs other than Node. */
import { createHash } from "node:crypto";
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Failure } from "@sdgan/addons";
import { inspect } from "./find-libtorch.mjs";

/**
 * @typedef {object} Archive
 * @property {string} from a URL or the path of a file
 * @property {string} [sha256] in hexadecimal; without it, any content is accepted
 */

const OFFICIAL = "https://download.pytorch.org/libtorch/cpu/";

/**
 * PyTorch publishes no checksums for these. The checksums below are those with which other projects pin the same
 * archives.
 *
 * @type {Record<string, Required<Archive>>}
 */
const OFFICIAL_ARCHIVES = {
  "linux-x64": {
    from: `${OFFICIAL}libtorch-cxx11-abi-shared-with-deps-2.5.1%2Bcpu.zip`,
    sha256: "618ca54eef82a1dca46ff1993d5807d9c0deb0bae147da4974166a147cb562fa",
  },
  "darwin-arm64": {
    from: `${OFFICIAL}libtorch-macos-arm64-2.5.1.zip`,
    sha256: "0822824c1df267159a649ad4701518217c60b8f75de056a26ab43958d8ab1622",
  },
  "darwin-x64": {
    from: `${OFFICIAL}libtorch-macos-2.0.1.zip`,
    sha256: "002876b74d8432ee8ab9d0e710159353149d92ada73ef81844e81bccbfa52e95",
  },
};

/** Attempts at one download; each resumes where the previous one broke off. */
const ATTEMPTS = 3;

/** A connection without data for this time is closed. */
const SILENCE_MS = 60_000;

/** @returns {Required<Archive> | null} the official CPU archive for this machine; null if there is none */
export function officialArchive({
  platform = process.platform,
  arch = process.arch,
  musl = usesMusl(),
} = {}) {
  return musl ? null : (OFFICIAL_ARCHIVES[`${platform}-${arch}`] ?? null);
}

/**
 * Unpacks the libtorch of an archive into `libtorch-VERSION/` of the cache. An earlier one is replaced only if everything
 * succeeded.
 *
 * @param {Archive} archive
 * @param {string} cache
 * @param {(done: string) => void} onProgress is called with text such as "12 % of 187 MB"
 * @returns {Promise<{ libtorch: import("./find-libtorch.mjs").Libtorch, sha256: string }>} with the checksum of the
 *   archive
 * @throws {Failure} also if the archive's checksum differs from that in `archive`
 */
export async function installArchive({ from, sha256 }, cache, onProgress) {
  const partial = join(cache, "libtorch.partial");
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  try {
    const zip = /^https?:/.test(from) ? join(partial, "libtorch.zip") : from;
    if (zip !== from) await download(from, zip, onProgress);
    onProgress("unpacking");
    const found = await checksum(zip);
    if (sha256 !== undefined && sha256.toLowerCase() !== found)
      throw new Failure(
        `${from} has the SHA-256 ${found}, expected ${sha256}: the file is damaged or is another archive`,
      );
    const content = join(partial, "content");
    await unpack(zip, content);
    const { libtorch, problem } = inspect(content, "cache");
    if (!libtorch) throw new Failure(`${from} cannot be used: ${problem ?? "it contains no libtorch"}`);
    const target = join(cache, `libtorch-${libtorch.version}`);
    rmSync(target, { recursive: true, force: true });
    renameSync(content, target);
    const installed = /** @type {import("./find-libtorch.mjs").Libtorch} */ (
      inspect(target, "cache").libtorch
    );
    return { libtorch: installed, sha256: found };
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

/**
 * @param {string} file
 * @returns {Promise<string>} its SHA-256 in hexadecimal
 */
async function checksum(file) {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(file), hash);
  } catch (error) {
    throw new Failure(`${file} cannot be read: ${reasonOf(error)}`);
  }
  return hash.digest("hex");
}

/**
 * @param {string} url
 * @param {string} file
 * @param {(done: string) => void} onProgress
 */
async function download(url, file, onProgress) {
  for (let attempt = 1; ; attempt++) {
    try {
      await downloadRest(url, file, onProgress);
      return;
    } catch (error) {
      if (error instanceof Failure || attempt === ATTEMPTS)
        throw error instanceof Failure ? error : new Failure(`${url}: ${reasonOf(error)}`);
    }
  }
}

/**
 * @param {string} url
 * @param {string} file
 * @param {(done: string) => void} onProgress
 */
async function downloadRest(url, file, onProgress) {
  const start = existsSync(file) ? statSync(file).size : 0;
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  try {
    const headers = start > 0 ? { Range: `bytes=${start}-` } : undefined;
    const response = await fetch(url, { signal: silence.signal, ...(headers ? { headers } : {}) });
    if (!response.ok || !response.body) throw new Failure(`${url}: the server answers ${response.status}`);
    let received = response.status === 206 ? start : 0;
    const total = received + Number(response.headers.get("content-length") ?? Number.NaN);
    const body = Readable.fromWeb(/** @type {any} */ (response.body));
    body.on("data", (chunk) => {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
      received += chunk.length;
      onProgress(progress(received, total));
    });
    await pipeline(body, createWriteStream(file, { flags: received > 0 ? "a" : "w" }));
    if (Number.isFinite(total) && received !== total)
      throw new Error(`the connection closed after ${received} of ${total} bytes`);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Removes the archive's top-level folder, `libtorch/`, from the names. yauzl refuses names that lead out of the target
 * folder.
 *
 * @param {string} zip
 * @param {string} folder
 */
async function unpack(zip, folder) {
  // Imported here, because finding an existing libtorch must not need this package.
  // @ts-expect-error: it has no types
  const { default: yauzl } = await import("yauzl");
  try {
    const archive = await yauzl.openPromise(zip);
    for await (const entry of archive.eachEntry()) {
      const path = join(folder, entry.fileName.replace(/^[^/]+\//, ""));
      if (entry.fileName.endsWith("/")) continue;
      mkdirSync(dirname(path), { recursive: true });
      await pipeline(await archive.openReadStreamPromise(entry), createWriteStream(path));
    }
  } catch (error) {
    throw new Failure(`${zip} cannot be unpacked: ${reasonOf(error)}`);
  }
}

/**
 * @param {number} received
 * @param {number} total NaN if the server does not send it
 */
function progress(received, total) {
  const megabytes = (/** @type {number} */ bytes) => `${Math.round(bytes / 1e6)} MB`;
  return Number.isFinite(total)
    ? `${Math.floor((100 * received) / total)} % of ${megabytes(total)}`
    : megabytes(received);
}

/** The reason of an error of `fetch` is in its cause. @param {unknown} error */
function reasonOf(error) {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "AbortError") return `no data for ${SILENCE_MS / 1000} s`;
  const cause = /** @type {{ cause?: { code?: string, message?: string } }} */ (error).cause;
  const reason = cause?.message || cause?.code;
  return reason && reason !== error.message ? `${error.message}: ${reason}` : error.message;
}

/** The official builds need glibc; Alpine has musl. */
function usesMusl() {
  if (process.platform !== "linux") return false;
  const report = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (process.report.getReport());
  return report.header.glibcVersionRuntime === undefined;
}
