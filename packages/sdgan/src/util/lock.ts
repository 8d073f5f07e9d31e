import { holderOf, isOfHere, tryLock } from "@sdgan/addons/lock";
import { UserError } from "@sdgan/core";
import { onDisk } from "./system-errors.js";

/** What the holder of a lock does and what the user can do, for the error message. */
interface Busy {
  does: string;
  instead: string;
}

const TRAINING: Busy = {
  does: "is training in this run folder",
  instead: "stop it first, or use another --run",
};

/** Minutes without a sign of life after which a process on another host counts as gone: far more than one step takes. */
const GONE_MINUTES = 10;

/**
 * Takes the lock file at `path`, so that two processes never write to the same folder. The lock of a process that is gone
 * is taken over. Returns a function that releases it; it is also released when the process exits, unless it is killed.
 * @throws UserError if a running process holds it, or one on another host that has been active in the last minutes.
 */
export function takeLock(path: string, { does, instead }: Busy = TRAINING): () => void {
  const lock = onDisk(path, () => tryLock(path, { goneAfter: GONE_MINUTES * 60_000 }));
  if (!lock.release) {
    const { holder } = lock;
    throw new UserError(
      isOfHere(holder)
        ? `${path}: process ${holder.pid} ${does}: ${instead}`
        : `${path}: process ${holder.pid} on ${holder.host} ${does}; if it has ended, remove this file ` +
            `(${GONE_MINUTES} minutes after its end the file is ignored)`,
      { code: "run.busy" },
    );
  }
  const release = () => {
    process.off("exit", release);
    lock.release();
  };
  process.on("exit", release);
  return release;
}

/** Whether `takeLock` would find a holder of the lock file at `path`. */
export function isLocked(path: string): boolean {
  return holderOf(path, { goneAfter: GONE_MINUTES * 60_000 }) !== undefined;
}
