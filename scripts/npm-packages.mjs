/** Installs the npm packages that `package-lock.json` names, if they are not installed yet. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { run, which } from "../packages/addons/lib/command.mjs";
import { Failure } from "../packages/addons/lib/failure.mjs";

/** Error codes of Node and npm that mean there is no network. */
const OFFLINE = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT/;

/** Error codes that mean a proxy signs with its own certificate. */
const UNKNOWN_CERTIFICATE = /SELF_SIGNED_CERT|UNABLE_TO_(GET_ISSUER|VERIFY)/;

/** Without these, npm waits for ten silent minutes on a machine without network. */
const RETRIES = ["--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=3000"];

/**
 * @param {string} root
 * @returns {Promise<boolean>} whether anything had to be installed
 * @throws {Failure}
 */
export async function installPackages(root) {
  if (arePackagesInstalled(root)) return false;
  const npm = which("npm");
  if (!npm)
    throw new Failure(
      "npm is not on the PATH.\n  Remedy: apt-get install npm, or Node from https://nodejs.org.",
    );
  console.log("  installing npm packages …");
  // Not `npm ci`: it would first delete installed packages that a running process may use. With --no-save, npm
  // follows the lock file and never writes it.
  const args = [
    "install",
    "--no-save",
    "--include=dev",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
    ...RETRIES,
  ];
  const { code, output } = await run(npm, args, { cwd: root, env: { ...process.env, ...NO_CUDA } });
  if (code !== 0) throw new Failure(describeFailure(output));
  return true;
}

/** Old versions of npm run install scripts, and that of onnxruntime-node downloads libraries for CUDA, which are not used. */
const NO_CUDA = { ONNXRUNTIME_NODE_INSTALL: "skip" };

/**
 * Compares the lock file with npm's own record of what it put into `node_modules`, written at the end of
 * every installation. Packages for other platforms are optional and only in the lock file.
 *
 * @param {string} root
 */
export function arePackagesInstalled(root) {
  const record = join(root, "node_modules/.package-lock.json");
  if (!existsSync(record)) return false;
  const wanted = readPackages(join(root, "package-lock.json"));
  const installed = readPackages(record);
  return Object.entries(wanted).every(
    ([path, { version, optional }]) =>
      path === "" || (installed[path] ? installed[path].version === version : optional),
  );
}

/**
 * @param {string} path
 * @returns {Record<string, { version?: string, optional?: boolean }>}
 */
function readPackages(path) {
  return JSON.parse(readFileSync(path, "utf8")).packages;
}

/** @param {string} output */
function describeFailure(output) {
  const lines = output.trim().split("\n").slice(0, 12);
  const remedy = remedyFor(output);
  return `npm install failed:\n${lines.map((line) => `  ${line}`).join("\n")}\n  Remedy: ${remedy}`;
}

/** @param {string} output */
function remedyFor(output) {
  if (OFFLINE.test(output))
    return "this machine seems to be offline; connect it, or configure a mirror or proxy (npm help config).";
  if (UNKNOWN_CERTIFICATE.test(output))
    return "set NODE_EXTRA_CA_CERTS to the file with the certificate of this network's proxy.";
  return "see the message above; deleting node_modules and running npm run setup again may help.";
}
