/** Processors of their own for a program that is measured and for its clients (Linux). */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/**
 * Confines this process to the first half of the processors that it may use.
 *
 * @returns {string[]} the beginning of a command that runs a program on the second half, which is the larger one of an odd
 *   number
 * @throws {Error} where there is one processor, or no `taskset`
 */
export function separateProcessors() {
  const halves = halvesOf(allowedProcessors());
  // With the threads that Node has started already.
  const { error, status, stderr } = spawnSync("taskset", ["-a", "-c", "-p", halves[0], String(process.pid)], {
    encoding: "utf8",
  });
  if (error || status !== 0)
    throw new Error(
      `--separate: taskset cannot be used (${error?.message ?? stderr.trim()}): install util-linux, or leave out --separate.`,
    );
  return ["taskset", "-c", halves[1]];
}

/**
 * The two halves of a list of processors, such as "0-3,8", as lists.
 *
 * @param {string} list
 * @returns {[string, string]}
 */
export function halvesOf(list) {
  const all = processorsIn(list);
  if (all.length < 2)
    throw new Error(
      `--separate: this process may use one processor (${list}); the server and its clients need one each.`,
    );
  const half = all.length >> 1;
  return [all.slice(0, half).join(), all.slice(half).join()];
}

/** @param {string} list */
export function processorsIn(list) {
  return list.split(",").flatMap((part) => {
    const [first = 0, last = first] = part.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

function allowedProcessors() {
  let status = "";
  try {
    status = readFileSync("/proc/self/status", "utf8");
  } catch {
    // Not Linux.
  }
  const list = /^Cpus_allowed_list:\s*([\d,-]+)$/m.exec(status)?.[1];
  if (!list)
    throw new Error("--separate: the system does not report which processors may be used; it needs Linux.");
  return list;
}
