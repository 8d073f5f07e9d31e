/** Downloads libtorch's official archive and unpacks it, with no program but Node. */
import { createWriteStream, existsSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Failure } from "./failure.mjs";
import { inspect } from "./find-libtorch.mjs";

const OFFICIAL = "https://download.pytorch.org/libtorch/cpu/";

/** Attempts at one download; each goes on from where the one before broke off. */
const ATTEMPTS = 3;

/** A connection on which nothing comes for so long is dead. */
const SILENCE_MS = 60_000;

/** @returns {string | null} where the official CPU archive for this machine is; null if there is none */
export function officialArchive({
  platform = process.platform,
  arch = process.arch,
  musl = usesMusl(),
} = {}) {
  if (platform === "linux" && arch === "x64" && !musl)
    return `${OFFICIAL}libtorch-cxx11-abi-shared-with-deps-2.5.1%2Bcpu.zip`;
  if (platform === "darwin" && arch === "arm64") return `${OFFICIAL}libtorch-macos-arm64-2.5.1.zip`;
  if (platform === "darwin" && arch === "x64") return `${OFFICIAL}libtorch-macos-x86_64-2.2.2.zip`;
  return null;
}

/**
 * Puts the libtorch of an archive at `target`; what was there before goes only when all went well.
 *
 * @param {string} archive a URL or the path of a file
 * @param {string} target the folder that will hold `include/` and `lib/`
 * @param {(done: string) => void} onProgress gets "12 % of 187 MB" and the like
 * @throws {Failure}
 */
export async function installArchive(archive, target, onProgress) {
  const partial = `${target}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  try {
    const zip = /^https?:/.test(archive) ? join(partial, "libtorch.zip") : archive;
    if (zip !== archive) await download(archive, zip, onProgress);
    onProgress("unpacking");
    const content = join(partial, "content");
    await unpack(zip, content);
    const { libtorch, problem } = inspect(content, "project");
    if (!libtorch) throw new Failure(`${archive} is unfit: ${problem ?? "it holds no libtorch"}`);
    rmSync(target, { recursive: true, force: true });
    renameSync(content, target);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
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
      throw new Error(`${received} of ${total} bytes came, then the connection closed`);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The archive's one outermost folder, `libtorch/`, is taken off. Names that lead out of the folder are
 * refused by yauzl.
 *
 * @param {string} zip
 * @param {string} folder
 */
async function unpack(zip, folder) {
  // Imported here, because whoever has libtorch needs no package to find it.
  // @ts-expect-error: it brings no types
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
 * @param {number} total NaN if the server does not tell
 */
function progress(received, total) {
  const megabytes = (/** @type {number} */ bytes) => `${Math.round(bytes / 1e6)} MB`;
  return Number.isFinite(total)
    ? `${Math.floor((100 * received) / total)} % of ${megabytes(total)}`
    : megabytes(received);
}

/** `fetch` hides what happened in the cause of its error. @param {unknown} error */
function reasonOf(error) {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "AbortError") return `nothing came for ${SILENCE_MS / 1000} s`;
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
