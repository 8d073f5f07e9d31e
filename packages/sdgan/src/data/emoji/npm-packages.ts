import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder, cacheFolders, run, withLock } from "@sdgan/addons";
import { UserError } from "@sdgan/core";
import { onDisk } from "../../util/system-errors.js";

/** npm packages by name, each in one version with one content. */
export type Pins = Readonly<Record<string, Pin>>;

export interface Pin {
  version: string;
  /** The hash of its archive, as in npm's lock files. */
  integrity: string;
  /** Size of its archive, for the announcement. */
  bytes: number;
}

export interface InstallOptions {
  /** Called once before a download, with its size. */
  onDownload?: (download: { packages: number; bytes: number }) => void;
  /** Called from time to time during a download: how many packages are there. */
  onProgress?: (progress: { done: number; total: number }) => void;
  env?: NodeJS.ProcessEnv;
}

/**
 * The `node_modules` with packages that only data is read from, in the per-user cache:
 *
 *     $XDG_CACHE_HOME/sdgan/NAME-HASH/node_modules/    HASH is that of names, versions and contents
 *
 * If it is missing, npm downloads it, with the user's own settings for proxies and registries. The versions and hashes are
 * fixed, no script of a package runs, and the folder gets its name when it is complete: an installation that was
 * killed leaves nothing that is used. Once it is there, no network is needed.
 * Rejects with a `UserError` when npm is missing or fails.
 */
export async function installedPackages(
  name: string,
  pins: Pins,
  options: InstallOptions = {},
): Promise<string> {
  const { env = process.env } = options;
  const files = installationFiles(name, pins);
  const hash = createHash("sha256").update(files["package-lock.json"]).digest("hex").slice(0, 16);
  const folderName = `${name}-${hash}`;
  const find = () =>
    cacheFolders({ env })
      .map((cache: string) => join(cache, folderName, "node_modules"))
      .find((folder: string) => existsSync(folder));
  const found = find();
  if (found !== undefined) return found;
  const cache = cacheFolder({ env });
  return withLock(join(cache, `${folderName}.lock`), async () => {
    // Another process may have installed it while this one was waiting.
    const installed = find();
    if (installed !== undefined) return installed;
    removeAbandoned(cache, folderName);
    const partial = join(cache, `${folderName}.${randomBytes(4).toString("hex")}.partial`);
    try {
      await download(partial, files, pins, options);
      onDisk(partial, () => renameSync(partial, join(cache, folderName)));
    } finally {
      rmSync(partial, { recursive: true, force: true });
    }
    return join(cache, folderName, "node_modules");
  });
}

type Files = Record<"package.json" | "package-lock.json", string>;

/**
 * `package.json` and `package-lock.json` of an installation of exactly these packages. The lock file has no addresses, so
 * npm takes the packages from the registry of the user's settings, and compares them with the hashes.
 */
function installationFiles(name: string, pins: Pins): Files {
  const versions = Object.fromEntries(Object.entries(pins).map(([one, { version }]) => [one, version]));
  const root = { name: `sdgan-${name}`, version: "1.0.0", private: true, dependencies: versions };
  const packages = Object.entries(pins).map(([one, { version, integrity }]) => {
    return [`node_modules/${one}`, { version, integrity }];
  });
  const lock = {
    ...{ name: root.name, version: root.version, lockfileVersion: 3, requires: true },
    packages: { "": root, ...Object.fromEntries(packages) },
  };
  return { "package.json": JSON.stringify(root), "package-lock.json": JSON.stringify(lock) };
}

async function download(
  folder: string,
  files: Files,
  pins: Pins,
  { onDownload, onProgress, env = process.env }: InstallOptions,
): Promise<void> {
  onDisk(folder, () => {
    mkdirSync(folder);
    for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  });
  const names = Object.keys(pins);
  const bytes = Object.values(pins).reduce((sum, pin) => sum + pin.bytes, 0);
  onDownload?.({ packages: names.length, bytes });
  const isThere = (one: string) => existsSync(join(folder, "node_modules", one, "package.json"));
  const report = () => onProgress?.({ done: names.filter(isThere).length, total: names.length });
  const timer = setInterval(report, 500);
  const { code, output } = await run("npm", ARGUMENTS, { cwd: folder, env: withoutCallersNpm(env) });
  clearInterval(timer);
  report();
  const missing = names.find((one) => !isThere(one));
  if (code !== 0 || missing !== undefined) throw failed(code, output, missing);
}

const ARGUMENTS = [
  ...["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress", "--loglevel=error"],
  // Peer packages of libraries would be downloaded, and are not needed for data.
  ...["--legacy-peer-deps", "--prefix=."],
  // Without a network the error comes after seconds, not minutes.
  ...["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"],
];

/** The environment without what `npx` and `npm run` set for the package that they run, which is not this one. */
function withoutCallersNpm(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const ofCaller =
    /^npm_(package_.*|lifecycle_.*|config_(local_prefix|prefix|global|workspaces?|omit|dry_run|package_lock.*))$/i;
  return Object.fromEntries(Object.entries(env).filter(([key]) => !ofCaller.test(key)));
}

function failed(code: number, output: string, missing: string | undefined): UserError {
  const [, reported = ""] = /npm (?:error|ERR!) code (\w+)/.exec(output) ?? [];
  // An error of the file system reports its own code, but NETWORK is tested first: ENOENT is of the file system.
  const why =
    code === 127
      ? "npm cannot be run: install it, it is part of Node.js, and put it on the PATH"
      : NETWORK.test(reported)
        ? `npm reports no connection (${reported}): connect to the network, or give npm your proxy (npm config set proxy …)`
        : reported === "EINTEGRITY"
          ? "npm reports that a package has another content than expected (EINTEGRITY): if your npm uses a registry of " +
            "its own, make that registry deliver the public packages unchanged"
          : reported === "ENOSPC"
            ? "npm reports that the disk is full (ENOSPC): make space, or set XDG_CACHE_HOME to a folder on another disk"
            : code === 0
              ? `npm ended without ${missing}`
              : `npm ended with exit code ${code}${reported && ` (${reported})`}; SDGAN_DEBUG=1 shows its output`;
  return new UserError(
    `the packages with images and words were not downloaded: ${why}. Then run the same command again; after one download no network is needed`,
    { code: "file.missing", cause: output },
  );
}

const NETWORK =
  /^(ENOTFOUND|EAI_\w+|ECONN\w+|ETIMEDOUT|ERR_SOCKET_TIMEOUT|ENETUNREACH|EHOSTUNREACH|ENOTCACHED|EPROTO|\w*CERT\w*)$/;

/** Removes what killed installations left, but not one that may be in progress in another container. */
function removeAbandoned(cache: string, folderName: string): void {
  for (const entry of readdirSync(cache)) {
    if (!entry.startsWith(`${folderName}.`) || !entry.endsWith(".partial")) continue;
    const path = join(cache, entry);
    const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() };
    if (Date.now() - mtimeMs > HOUR_MS) rmSync(path, { recursive: true, force: true });
  }
}

const HOUR_MS = 3_600_000;
