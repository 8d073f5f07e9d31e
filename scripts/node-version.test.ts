import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SUPPORTED } from "@sdgan/addons/node-version";
import { expect, it, onTestFinished } from "vitest";
import { ROOT } from "./setup.mjs";

/** What an unsupported version of Node runs, before it prints one line. */
const first = [
  "packages/sdgan/bin/sdgan.js",
  "packages/addons/lib/node-version.mjs",
  "scripts/node-version.mjs",
];

it("every package has the same list of versions", () => {
  const folders = ["", ...readdirSync(join(ROOT, "packages")).map((name) => `packages/${name}`)];
  const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")).packages;
  for (const folder of folders) {
    const { engines } = JSON.parse(readFileSync(join(ROOT, folder, "package.json"), "utf8"));
    expect([folder, engines.node, lock[folder].engines.node]).toEqual([folder, SUPPORTED, SUPPORTED]);
  }
});

it("what runs first has the syntax of Node 16, and imports nothing but node:fs and the check", () => {
  const out = mkdtempSync(join(tmpdir(), "sdgan-node-"));
  onTestFinished(() => rmSync(out, { recursive: true }));
  for (const file of first) {
    const emitted = ["es2021", "esnext"].map((target) => {
      const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
      const options = ["--ignoreConfig", "--allowJs", "--noCheck", "--module", "esnext", "--noResolve"];
      const args = [tsc, ...options, "--target", target, "--outDir", join(out, target), join(ROOT, file)];
      const { stdout, status } = spawnSync(process.execPath, args, { encoding: "utf8" });
      expect([stdout, status]).toEqual(["", 0]);
      const [name] = readdirSync(join(out, target));
      const text = readFileSync(join(out, target, name!), "utf8");
      rmSync(join(out, target), { recursive: true });
      return text;
    });
    expect(emitted[0]).toBe(emitted[1]);
    const imported = [...emitted[0]!.matchAll(/^(?:import|export)\b.*from "(.*)";$/gm)].map(
      ([, name]) => name!,
    );
    const check = "../packages/addons/lib/node-version.mjs";
    expect(imported.filter((name) => name !== "node:fs" && name !== check)).toEqual([]);
  }
});

it.each(["18.20.8", "21.7.3", "22.1.0"])(
  "on Node %s, the command line and set-up print one line",
  (version) => {
    const pretend = `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${version}" } })`;
    const options = ["--import", `data:text/javascript,${encodeURIComponent(pretend)}`];
    for (const program of ["packages/sdgan/bin/sdgan.js", "scripts/setup.mjs"]) {
      const args = [...options, join(ROOT, program), "--help"];
      const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
      expect([status, stdout]).toEqual([1, ""]);
      expect(stderr).toMatch(new RegExp(`^(sdgan:|✗) Node ${version} cannot run sdgan.*nodejs\\.org\\.\\n$`));
    }
  },
);
