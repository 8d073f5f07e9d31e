import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, it } from "vitest";
import { grid } from "./grid.js";

let folder: string;

// Fontconfig reads it once in a process, at the first text.
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-no-fonts-"));
  const config = join(folder, "fonts.conf");
  writeFileSync(
    config,
    `<?xml version="1.0"?><fontconfig><dir>${folder}</dir><cachedir>${folder}/cache</cachedir></fontconfig>`,
  );
  process.env.FONTCONFIG_FILE = config;
});

afterAll(() => rmSync(folder, { recursive: true }));

it("shows question marks without fonts, and says once what to install", async () => {
  const advices: string[] = [];
  const sheet = (caption: string) =>
    grid([[{ size: 8, pixels: new Uint8Array(8 * 8 * 3), caption }]], {
      onMissingFont: (advice) => advices.push(advice),
    });
  const asQuestionMarks = await sheet("a ?? b");
  expect(advices).toEqual([]);
  const found = await sheet("a 笑脸 b");
  await sheet("脸");
  expect(advices).toHaveLength(1);
  expect(advices[0]).toMatch(/^shows "\?" for 笑, 脸, since no font/);
  expect((await decoded(found)).equals(await decoded(asQuestionMarks))).toBe(true);
});

function decoded(png: Buffer): Promise<Buffer> {
  return sharp(png).raw().toBuffer();
}
