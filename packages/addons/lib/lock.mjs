/**
 * Lock files: only one process at a time builds or trains into a folder.
 *
 * A lock file describes its holder. It is created complete, as a hard link to a file written beside it, and only its
 * holder removes it. If the holder is gone, the file is replaced by a rename. The process that replaces it must hold a
 * second lock (`PATH.DIGEST`, with the digest of the old content), so two processes cannot both replace it.
 *
 * Whether a holder is gone is read from the system if its process id is valid here: since the same start of this
 * machine, in this container. Elsewhere, a process id has no meaning. There, a holder counts as gone if it has not
 * touched its file for some time; holders touch their file every few seconds.
 */
import { createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  fstatSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * The holder of a lock.
 *
 * @typedef {object} Holder
 * @property {number} pid
 * @property {string} host
 * @property {string} [started] clock ticks since the machine started, to detect a later process with the same id
 * @property {string} [space] where the process id is valid: this start of the machine, and this container
 * @property {string} [id] unique for every lock
 */

/** Our open lock file and its content. @typedef {{ text: string, file: number }} Held */

/** How often a holder touches its file. */
const TOUCHED_MS = 5_000;

/** Work under `withLock` does not block the event loop, so a holder elsewhere without a touch for this time is gone. */
const GONE_MS = 60_000;

/** Codes of file systems that have no hard links. */
const NO_LINKS = new Set(["EPERM", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EINVAL", "EMLINK"]);

/**
 * Runs `work` while holding the lock file at `path`. Waits while another process has it.
 *
 * @template T
 * @param {string} path
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(path, work) {
  mkdirSync(dirname(path), { recursive: true });
  let lock = tryLock(path, { goneAfter: GONE_MS });
  while (!lock.release) {
    await sleep(100);
    lock = tryLock(path, { goneAfter: GONE_MS });
  }
  try {
    return await work();
  } finally {
    lock.release();
  }
}

/**
 * Takes the lock file at `path`, or returns its holder. The folder must exist.
 *
 * @param {string} path
 * @param {{ goneAfter: number }} options milliseconds after which a holder elsewhere that has not touched its file counts
 *   as gone; longer than its longest computation that blocks the event loop
 * @returns {{ release(): void, holder?: undefined } | { holder: Holder, release?: undefined }}
 */
export function tryLock(path, { goneAfter }) {
  const lock = acquire(path, goneAfter);
  if ("holder" in lock) return lock;
  removeAbandoned(path, fstatSync(lock.file).mtimeMs, goneAfter);
  const touching = setInterval(() => touch(lock), TOUCHED_MS);
  touching.unref();
  let isHeld = true;
  return {
    release() {
      if (isHeld) letGo(path, lock);
      clearInterval(touching);
      isHeld = false;
    },
  };
}

/**
 * The holder of the lock file at `path`, which is not taken; undefined if `tryLock` would get it. A time without a touch is
 * measured by this machine's clock, for which nothing is written.
 *
 * @param {string} path
 * @param {{ goneAfter: number }} options as those of `tryLock`
 * @returns {Holder | undefined}
 */
export function holderOf(path, { goneAfter }) {
  const holder = parse(readable(path) ?? "");
  return holder && isAlive(path, holder, Date.now(), goneAfter) ? holder : undefined;
}

/** Whether a holder's process id is valid here. @param {Holder} holder */
export function isOfHere({ host, space }) {
  const own = ownSpace();
  return space === undefined || own === undefined ? host === hostname() : space === own;
}

/** Whether this machine has a process with this id. @param {number} pid */
export function isRunning(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) !== "ESRCH";
  }
  return true;
}

/**
 * @param {string} path
 * @param {number} goneAfter
 * @returns {Held | { holder: Holder }}
 */
function acquire(path, goneAfter) {
  const id = randomBytes(8).toString("hex");
  const started = startOf(process.pid);
  const space = ownSpace();
  const text = JSON.stringify({ pid: process.pid, host: hostname(), started, space, id });
  const fresh = `${path}.${id}.new`;
  const file = openSync(fresh, "wx");
  let isOurs = false;
  try {
    writeSync(file, text, 0);
    const now = fstatSync(file).mtimeMs; // From the clock of the file system, which may be another machine's.
    for (let isWritten = false; ; ) {
      isOurs = publish(fresh, path);
      if (isOurs) return { text, file };
      const theirs = contents(path);
      if (theirs === undefined) continue; // Released meanwhile.
      const holder = parse(theirs);
      if (holder && isAlive(path, holder, now, goneAfter)) return { holder };
      if (!holder && !isWritten) {
        pause(50); // It may be being written.
        isWritten = true;
        continue;
      }
      const claim = acquire(`${path}.${digestOf(theirs)}`, goneAfter);
      if ("holder" in claim) return claim; // Another process is replacing it.
      try {
        // No other process can replace it now, and no later lock has the same content.
        if (contents(path) !== theirs) continue;
        renameSync(fresh, path);
        isOurs = true;
        return { text, file };
      } finally {
        letGo(`${path}.${digestOf(theirs)}`, claim);
      }
    }
  } finally {
    rmSync(fresh, { force: true });
    if (!isOurs) closeSync(file);
  }
}

/**
 * Gives a file a second name. Returns false if the name exists already.
 *
 * @param {string} fresh
 * @param {string} path
 */
function publish(fresh, path) {
  try {
    linkSync(fresh, path);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    if (!NO_LINKS.has(codeOf(error))) throw error;
  }
  try {
    closeSync(openSync(path, "wx"));
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
  renameSync(fresh, path);
  return true;
}

/** @param {Held} held */
function touch({ file, text }) {
  try {
    writeSync(file, text, 0);
  } catch {
    // The disk is full or gone: the work under the lock will report it.
  }
}

/**
 * @param {string} path
 * @param {Held} held
 */
function letGo(path, { text, file }) {
  closeSync(file);
  if (contents(path) === text) rmSync(path, { force: true });
}

/**
 * Removes files that killed processes left beside a lock that we hold now.
 *
 * @param {string} path
 * @param {number} now
 * @param {number} goneAfter
 */
function removeAbandoned(path, now, goneAfter) {
  const folder = dirname(path);
  for (const name of readdirSync(folder)) {
    if (
      !name.startsWith(`${basename(path)}.`) ||
      !/^(\.[0-9a-f]{16})+(\.new)?$/.test(name.slice(basename(path).length))
    )
      continue;
    const beside = join(folder, name);
    const holder = parse(readable(beside) ?? "");
    if (holder && !isAlive(beside, holder, now, goneAfter)) rmSync(beside, { force: true });
  }
}

/**
 * @param {string} path
 * @param {Holder} holder
 * @param {number} now
 * @param {number} goneAfter
 */
function isAlive(path, holder, now, goneAfter) {
  if (isOfHere(holder))
    return isRunning(holder.pid) && (holder.started === undefined || holder.started === startOf(holder.pid));
  const touched = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  return touched !== undefined && now - touched < goneAfter;
}

/** @param {string} text @returns {Holder | undefined} */
function parse(text) {
  try {
    const holder = JSON.parse(text);
    return Number.isInteger(holder.pid) && holder.pid > 0 ? holder : undefined;
  } catch {
    return undefined;
  }
}

/** @param {string} path @returns {string | undefined} undefined if the file does not exist */
function contents(path) {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** @param {string} path @returns {string | undefined} undefined if it cannot be read */
function readable(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** When a process started; undefined if the system does not report it. @param {number} pid */
function startOf(pid) {
  // The second field is the program's name in brackets, which may contain any characters.
  return readable(`/proc/${pid}/stat`)
    ?.replace(/^.*\) /s, "")
    .split(" ")[19];
}

/** Linux's ids of this start of the machine and of this process's PID namespace. */
function ownSpace() {
  const boot = readable("/proc/sys/kernel/random/boot_id")?.trim();
  if (boot === undefined) return undefined;
  try {
    return `${boot} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return undefined;
  }
}

/** @param {string} text */
function digestOf(text) {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

/** @param {number} milliseconds */
function pause(milliseconds) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** @param {unknown} error */
function codeOf(error) {
  return /** @type {NodeJS.ErrnoException} */ (error).code ?? "";
}
