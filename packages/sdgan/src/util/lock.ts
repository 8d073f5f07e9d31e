import { isOfHere, tryLock } from "@sdgan/addons/lock";
import { UserError } from "@sdgan/core";
import { onDisk } from "./system-errors.js";

/** What the holder of a lock does, and what is to be done instead of taking it: for the refusal. */
interface Busy {
  does: string;
  instead: string;
}

const TRAINING: Busy = {
  does: "is training in this run folder",
  instead: "stop it first, or take another --run",
};

/** Minutes after which a process elsewhere counts as gone: much more than it takes for one step, or for one image. */
const GONE_MINUTES = 10;

/**
 * Takes the lock file at `path`, so that two processes never write one folder. The lock of a process that is gone is
 * taken over. Returns what releases it; the end of the process releases it too, unless it is killed.
 * @throws UserError if a living process holds it, or one elsewhere that was heard of in the last minutes.
 */
export function takeLock(path: string, { does, instead }: Busy = TRAINING): () => void {
  const lock = onDisk(path, () => tryLock(path, { goneAfter: GONE_MINUTES * 60_000 }));
  if (!lock.release) {
    const { holder } = lock;
    throw new UserError(
      isOfHere(holder)
        ? `${path}: process ${holder.pid} ${does}: ${instead}`
        : `${path}: process ${holder.pid} on ${holder.host} ${does}; if it is gone, remove this file ` +
            `(${GONE_MINUTES} minutes after its end it counts as gone)`,
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
