import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { damsmPath } from "./damsm.js";
import { adoptDamsm } from "./damsm-of-run.js";

it("a file of weights in place of DAMSM's run folder is refused as one", () => {
  const folder = mkdtempSync(join(tmpdir(), "sdgan-damsm-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "inception_v3.pth");
  writeFileSync(file, "PK");
  const message = `${file}: is a file; expected a run folder with a trained DAMSM in it`;
  expect(() => damsmPath(file)).toThrow(message);
  expect(() => adoptDamsm(file, join(folder, "run"))).toThrow(message);
  expect(() => adoptDamsm(folder, join(folder, "run"))).toThrow("there is no trained DAMSM");
});
