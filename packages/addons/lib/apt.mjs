/** Installs Debian packages, if that is possible without a password. */
import { run, which } from "./command.mjs";
import { isOlder } from "./version.mjs";

/**
 * The environment and user of the process. Tests pass their own.
 *
 * @typedef {object} Caller
 * @property {NodeJS.ProcessEnv} env
 * @property {number | undefined} uid
 */

/** @type {Caller} */
export const THIS_PROCESS = { env: process.env, uid: process.getuid?.() };

/**
 * @param {string[]} packages the version of the first is compared with `oldest`
 * @param {{ oldest?: string, caller: Caller, announce: () => void }} options `announce` is called before packages are
 *   installed
 * @returns {Promise<string | undefined>} why it was not possible; undefined if they are installed now
 */
export async function aptInstall(packages, { oldest = "0", caller, announce }) {
  const aptGet = await aptGetWithoutAsking(caller);
  if (typeof aptGet === "string") return aptGet;
  // Without apt's package lists, as in a fresh container, no package has a candidate.
  if (!(await candidate(packages[0], caller))) await runAptGet(aptGet, ["update"], caller);
  const version = await candidate(packages[0], caller);
  if (!version) return `apt has no package ${packages[0]}`;
  if (isOlder(version, oldest)) return `apt has only ${packages[0]} ${version}`;
  announce();
  const install = ["install", "-y", "--no-install-recommends", ...packages];
  let { code, output } = await runAptGet(aptGet, install, caller);
  if (code !== 0) {
    // Old package lists name files that the mirrors no longer have.
    await runAptGet(aptGet, ["update"], caller);
    ({ code, output } = await runAptGet(aptGet, install, caller));
  }
  return code === 0 ? undefined : `apt-get ${install.join(" ")} failed: ${lastError(output)}`;
}

/**
 * @param {Caller} caller
 * @returns {Promise<string[] | string>} the command, or why there is none
 */
async function aptGetWithoutAsking({ env, uid }) {
  const aptGet = which("apt-get", env);
  if (!aptGet) return "this system has no apt-get";
  if (uid === 0) return [aptGet];
  const sudo = which("sudo", env);
  if (!sudo) return "apt-get needs root, and there is no sudo";
  const { code } = await run(sudo, ["-n", "true"], { env });
  return code === 0 ? [sudo, "-n", aptGet] : "apt-get needs root, and sudo asks for a password";
}

/**
 * @param {string | undefined} name
 * @param {Caller} caller
 * @returns {Promise<string | undefined>} the version that apt would install, without its epoch
 */
async function candidate(name, { env }) {
  const { stdout } = await run("apt-cache", ["policy", String(name)], { env: { ...env, LC_ALL: "C" } });
  const version = /Candidate: (?:\d+:)?(\S+)/.exec(stdout)?.[1];
  return version === "(none)" ? undefined : version;
}

/**
 * @param {string[]} aptGet
 * @param {string[]} args
 * @param {Caller} caller
 */
function runAptGet([program = "", ...first], args, { env }) {
  const quiet = ["-q", "-o", "DPkg::Lock::Timeout=120", ...args];
  return run(program, [...first, ...quiet], {
    env: { ...env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" },
  });
}

/** @param {string} output */
function lastError(output) {
  const lines = output.trim().split("\n");
  return lines.findLast((line) => line.startsWith("E: "))?.slice(3) ?? lines.at(-1) ?? "no message";
}
