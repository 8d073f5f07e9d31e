/**
 * Lock files: one process at a time in a piece of work, such as building into one folder or training into one.
 *
 * A lock file says who holds it. It appears with all that it says (a hard link to a file that was written beside it), and
 * its holder's alone to remove. One whose holder is gone is replaced, by a rename, by the process that holds a second
 * lock for just that (`PATH.DIGEST`, of what the old one says): two that find it at once cannot both take it.
 *
 * Whether a holder is gone is asked of the system where its number means the same process here: on this machine since it
 * was started, in this container. Elsewhere, a number says nothing. Holders touch their file every few seconds, and one
 * that has not for long is gone.
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
 * Who holds a lock.
 *
 * @typedef {object} Holder
 * @property {number} pid
 * @property {string} host
 * @property {string} [started] tells a process from a later one with its number: clock ticks since the machine started
 * @property {string} [space] where the number is known: this start of the machine, and this container
 * @property {string} [id] tells this lock from all others
 */

/** A file of ours, open: it is touched by what it is, whatever its name leads to now. @typedef {{ text: string, file: number }} Held */

/** How often a holder touches its file. */
const TOUCHED_MS = 5_000;

/** What `withLock` runs leaves the event loop free, so that a holder elsewhere that is not heard of so long is gone. */
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
 * Takes the lock file at `path`, whose folder is there, or tells who has it.
 *
 * @param {string} path
 * @param {{ goneAfter: number }} options milliseconds that a holder elsewhere may be silent for: longer than it may compute
 *   without a pause
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

/** Whether a holder's number means the same process here. @param {Holder} holder */
export function isOfHere({ host, space }) {
  const own = ownSpace();
  return space === undefined || own === undefined ? host === hostname() : space === own;
}

/** Whether this machine has a process of this number. @param {number} pid */
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
    const now = fstatSync(file).mtimeMs; // By the clock of the file system, which may be another machine's.
    for (let isWritten = false; ; ) {
      isOurs = publish(fresh, path);
      if (isOurs) return { text, file };
      const theirs = contents(path);
      if (theirs === undefined) continue; // Given back meanwhile.
      const holder = parse(theirs);
      if (holder && isAlive(path, holder, now, goneAfter)) return { holder };
      if (!holder && !isWritten) {
        pause(50); // Perhaps it is just being written.
        isWritten = true;
        continue;
      }
      const claim = acquire(`${path}.${digestOf(theirs)}`, goneAfter);
      if ("holder" in claim) return claim; // Who is about to have it.
      try {
        // Nobody else can replace it now, and nothing ever says the same again.
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
 * Gives a file a second name that nothing has yet; whether nothing had it.
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
    // The disk is full or gone: whoever works here will say so.
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
 * Removes what killed processes have left beside a lock that is ours now.
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
    const holder = parse(told(beside) ?? "");
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

/** @param {string} path @returns {string | undefined} undefined where there is no such file */
function contents(path) {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** @param {string} path @returns {string | undefined} undefined where the system does not tell */
function told(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** When a process started; undefined where the system does not tell. @param {number} pid */
function startOf(pid) {
  // The second field is the program's name in brackets, and may hold anything.
  return told(`/proc/${pid}/stat`)
    ?.replace(/^.*\) /s, "")
    .split(" ")[19];
}

/** Linux's name for this start of the machine, and for the processes that have numbers of their own here. */
function ownSpace() {
  const boot = told("/proc/sys/kernel/random/boot_id")?.trim();
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
