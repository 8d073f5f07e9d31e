import sharp from "sharp";
import { expect, it } from "vitest";
import { animated } from "./gif.js";

const frame = (red: number, green: number) => {
  const rgba = new Uint8ClampedArray(16).fill(255);
  for (let i = 0; i < 4; i++) rgba.set([red, green, 0], i * 4);
  return { size: 2, rgba };
};

it("plays the frames forward and back, enlarged, as another library reads them", async () => {
  const gif = animated([frame(255, 0), frame(0, 255), frame(0, 0)], { scale: 3, delay: 80 });
  const { width, pageHeight, pages, delay, loop } = await sharp(gif, { animated: true }).metadata();
  expect([width, pageHeight, pages, loop]).toEqual([6, 6, 4, 0]);
  expect(new Set(delay)).toEqual(new Set([80]));
  const first = async (page: number) =>
    [...(await sharp(gif, { page }).removeAlpha().raw().toBuffer())].slice(0, 3);
  const close = async (page: number, expected: number[]) => {
    for (const [i, value] of (await first(page)).entries())
      expect(Math.abs(value - expected[i]!)).toBeLessThanOrEqual(8);
  };
  await close(0, [255, 0, 0]);
  await close(1, [0, 255, 0]);
  await close(2, [0, 0, 0]);
  await close(3, [0, 255, 0]);
});
