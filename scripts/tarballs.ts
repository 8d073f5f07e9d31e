/** Helpers of `packages.test.ts`: they pack the packages as npm does, and read their contents. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { ROOT } from "./setup.mjs";

export interface Tarball {
  name: string;
  /** Of the `.tgz` file. */
  path: string;
  /** With the unpacked contents. */
  folder: string;
  /** Paths in the package. */
  files: string[];
  manifest: Manifest;
}

interface Manifest {
  name: string;
  version: string;
  license?: string;
  engines?: Record<string, string>;
  repository?: { url: string; directory: string };
  publishConfig?: { access: string };
  files?: string[];
  bin?: Record<string, string>;
  exports?: Record<string, Record<string, string>>;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

/** The environment outside this workspace's scripts: without the variables that npm sets for scripts. */
export function plainEnvironment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const kept = /^npm_config_(registry|cache|userconfig|globalconfig|.*proxy|cafile)$/;
  const entries = Object.entries(process.env).filter(
    ([name]) => kept.test(name) || !/^(npm_|NODE_ENV$|VITEST|INIT_CWD$)/.test(name),
  );
  return { ...Object.fromEntries(entries), ...more };
}

/** Packs every package of the workspace into `folder`. */
export function packAll(folder: string): Tarball[] {
  mkdirSync(folder, { recursive: true });
  const args = ["pack", "--workspaces", "--json", "--loglevel=error", "--pack-destination", folder];
  const { status, stdout, stderr } = spawnSync("npm", args, {
    cwd: ROOT,
    env: plainEnvironment(),
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  if (status !== 0) throw new Error(`npm pack failed:\n${stdout}\n${stderr}`);
  return readdirSync(folder)
    .filter((name) => name.endsWith(".tgz"))
    .map((name) => unpack(join(folder, name)));
}

function unpack(path: string): Tarball {
  const folder = path.replace(/\.tgz$/, "");
  mkdirSync(folder);
  execFileSync("tar", ["-xzf", path, "-C", folder, "--strip-components=1"]);
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => statSync(join(folder, file)).isFile())
    .sort();
  const manifest: Manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return { name: manifest.name, path, folder, files, manifest };
}

/** Files that the manifest names (`exports`, `bin`) and that do not exist. */
export function missingEntries({ folder, manifest }: Tarball): string[] {
  const named = [
    ...Object.values(manifest.exports ?? {}).flatMap((conditions) => Object.values(conditions)),
    ...Object.values(manifest.bin ?? {}),
  ];
  return named.filter((path) => !existsSync(join(folder, path)));
}

/** Imports of its code and types that its files and declared dependencies do not resolve, each with its file. */
export function unresolvedImports(tarball: Tarball): string[] {
  const { manifest, files } = tarball;
  const { dependencies = {}, optionalDependencies = {} } = manifest;
  const declared = new Set([manifest.name, ...Object.keys({ ...dependencies, ...optionalDependencies })]);
  return files
    .filter((file) => /\.m?[jt]s$/.test(file))
    .flatMap((file) =>
      importsOf(readFileSync(join(tarball.folder, file), "utf8"))
        .filter((name) => !name.startsWith("node:") && !isResolved(tarball, file, name, declared))
        .map((name) => `${file}: ${name}`),
    );
}

function isResolved({ folder }: Tarball, file: string, name: string, declared: Set<string>): boolean {
  if (!name.startsWith(".")) {
    const [scope = "", rest = ""] = name.split("/");
    return declared.has(scope.startsWith("@") ? `${scope}/${rest}` : scope);
  }
  const target = normalize(join(dirname(file), name));
  if (target.startsWith("..")) return false;
  const path = join(folder, target);
  // The types of a JavaScript file are beside it.
  return existsSync(path) || existsSync(path.replace(/\.(m?)js$/, ".d.$1ts"));
}

function importsOf(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  const forms = [
    /\b(?:from|import\s*\(?)\s*"([^"\s]+)"/g,
    /\bnew URL\("(\.[^"]*)", import\.meta\.url\)/g,
    /\bresolve\("([^"\s]+)"\)/g,
  ];
  return forms.flatMap((form) => [...code.matchAll(form)].map((match) => match[1]!));
}
