import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { preparedFolders } from "./prepared-folders.js";

it("finds prepared folders in a folder and one level below, and nothing else", async () => {
  const within = mkdtempSync(join(tmpdir(), "sdgan-prepared-"));
  onTestFinished(() => rmSync(within, { recursive: true }));
  const write = (folder: string, text: string) => {
    mkdirSync(join(within, folder), { recursive: true });
    writeFileSync(join(within, folder, "index.json"), text);
  };
  const index = (source: string, train: number) =>
    JSON.stringify({ format: "sdgan-prepared", source, summary: { images: { train } } });
  write("mine", index("folder", 40));
  write("data/birds", index("birds", 900));
  write("data/other", JSON.stringify({ models: [] }));
  write("data/broken", "{");
  write("data/old", JSON.stringify({ format: "sdgan-prepared" }));
  write("a/b/too-deep", index("birds", 1));
  write(".hidden", index("birds", 1));
  write("node_modules/x", index("birds", 1));
  expect(await preparedFolders(within)).toEqual([
    { folder: join("data", "birds"), source: "birds", images: 900 },
    { folder: "mine", source: "folder", images: 40 },
  ]);
  expect(await preparedFolders(join(within, "gone"))).toEqual([]);
});
