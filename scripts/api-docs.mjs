/**
 * Builds the API documentation from the docstrings into docs/api/html, with TypeDoc.
 *
 *   npm run docs
 *
 * TypeDoc needs an older TypeScript than the project's compiler, so it is installed beside its configuration.
 */
import "./node-version.mjs";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { runInTerminal, which } from "../packages/addons/lib/command.mjs";
import { Failure, runAsProgram } from "../packages/addons/lib/failure.mjs";
import { ROOT, setUp } from "./setup.mjs";

const FOLDER = join(ROOT, "docs/api");

await runAsProgram(import.meta.url, async () => {
  await setUp();
  const typedoc = join(FOLDER, "node_modules/typedoc/bin/typedoc");
  if (!existsSync(typedoc)) {
    const npm = which("npm");
    if (!npm) throw new Failure("npm is not on the PATH.\n  Remedy: install Node with npm.");
    const code = await runInTerminal(npm, ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
      cwd: FOLDER,
    });
    if (code !== 0) throw new Failure("TypeDoc could not be installed: see the message above.");
  }
  const code = await runInTerminal(process.execPath, [typedoc], { cwd: FOLDER });
  if (code !== 0) throw new Failure("TypeDoc failed: see the message above.");
  console.log("docs/api/html/index.html");
});
