import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { UserError } from "@sdgan/core";
import { onDisk } from "../system-errors.js";

/** What the holder of a lock does, and what is to be done instead of taking it: for the refusal. */
interface Busy {
  does: string;
  instead: string;
}

const TRAINING: Busy = {
  does: "is training in this run folder",
  instead: "stop it first, or take another --run",
};

/** Who holds a lock. `started` tells a process from a later one that was given the same number. */
interface Holder {
  pid: number;
  host: string;
  started: string | undefined;
}

/**
 * Takes the lock file at `path`, so that two processes never write one folder. The lock of a process that is gone is
 * taken over. Returns what releases it; the end of the process releases it too, unless it is killed.
 * @throws UserError if a living process holds it, or one on another machine.
 */
export function takeLock(path: string, busy: Busy = TRAINING): () => void {
  const mine = JSON.stringify({
    pid: process.pid,
    host: hostname(),
    started: startOf(process.pid),
  } as Holder);
  for (let attempt = 0; !create(path, mine); attempt++) {
    const theirs = contents(path);
    const holder = parse(theirs);
    if (holder && isAlive(holder)) throw new UserError(refusal(path, holder, busy), { code: "run.busy" });
    if (!holder && attempt === 0)
      pause(50); // perhaps it is just being written
    else if (theirs !== undefined) removeStale(path, theirs);
    if (attempt === 20)
      throw new UserError(`${path}: cannot be taken; remove it if no process works here`, {
        code: "run.busy",
      });
  }
  removeAbandoned(path);
  const release = () => {
    process.off("exit", release);
    if (contents(path) === mine) rmSync(path, { force: true });
  };
  process.on("exit", release);
  return release;
}

function create(path: string, text: string): boolean {
  return onDisk(path, () => {
    try {
      writeFileSync(path, text, { flag: "wx" });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
      throw error;
    }
  });
}

/** Moves the lock away before removing it: of two processes that find it stale, one moves it, the other nothing. */
function removeStale(path: string, stale: string): void {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  const moved = contents(aside);
  if (moved !== stale && moved !== undefined) create(path, moved); // it was another's new lock: put it back
  rmSync(aside, { force: true });
}

/** Removes what `removeStale` of killed processes has left aside. */
function removeAbandoned(path: string): void {
  const folder = dirname(path);
  for (const name of readdirSync(folder)) {
    const [before, pid] = name.split(/\.(?=\d+$)/);
    if (before === basename(path) && pid && !isRunning(Number(pid)))
      rmSync(join(folder, name), { force: true });
  }
}

function contents(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function parse(text: string | undefined): Holder | undefined {
  try {
    const holder = JSON.parse(text ?? "") as Holder;
    return Number.isInteger(holder.pid) && holder.pid > 0 ? holder : undefined;
  } catch {
    return undefined;
  }
}

/** Processes of other machines count as alive: nothing can be known of them here. */
function isAlive({ pid, host, started }: Holder): boolean {
  if (host !== hostname()) return true;
  return isRunning(pid) && (started === undefined || started === startOf(pid));
}

/** Whether this machine has a process of this number. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
  return true;
}

/** When a process started, in clock ticks since the machine did; undefined where the system does not tell. */
function startOf(pid: number): string | undefined {
  // The second field is the program's name in brackets, and may hold anything.
  return contents(`/proc/${pid}/stat`)
    ?.replace(/^.*\) /s, "")
    .split(" ")[19];
}

function refusal(path: string, { pid, host }: Holder, { does, instead }: Busy): string {
  return host === hostname()
    ? `${path}: process ${pid} ${does}: ${instead}`
    : `${path}: process ${pid} on ${host} ${does}; if it is gone, remove this file`;
}

function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
