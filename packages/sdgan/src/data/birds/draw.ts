import type { Random } from "@sdgan/core";
import { drawBird, extent, randomPose } from "./bird.js";
import { randomLight } from "./colour.js";
import { drawScene } from "./scene.js";
import type { Traits } from "./species.js";
import { element, num } from "./svg.js";

/**
 * Draws one image of a bird as SVG, `size` pixels wide and high unless rendered at another size. Position,
 * pose, surroundings and light are random; all of `traits` are visible in the image.
 */
export function drawBirdImage(traits: Traits, size: number, random: Random): string {
  const light = randomLight(random);
  const scale = (traits.size === "large" ? 1 : 0.65) * random.uniform(0.96, 1.02);
  const facing = random.pick([-1, 1]);
  const { x, y } = placeFeet(traits, scale, facing, random);
  const bird = drawBird(traits, randomPose(random), light, random);
  const transform = `translate(${num(x)} ${num(y)}) scale(${num(facing * scale)} ${num(scale)})`;
  return element(
    "svg",
    { xmlns: "http://www.w3.org/2000/svg", width: size, height: size, viewBox: "0 0 100 100" },
    drawScene(x, y, light, random) + element("g", { transform }, bird),
  );
}

/**
 * Position of the feet: close to the one that centres the bird, and such that all named parts stay in the
 * image when training crops a sixth of it away. The beak has a wider margin because it is small.
 */
function placeFeet(traits: Traits, scale: number, facing: number, random: Random): { x: number; y: number } {
  const { front, back, top } = extent(traits);
  const low = back * scale + 3;
  const high = 100 - front * scale - 9;
  const middle = (low + high) / 2;
  const range = Math.min(12, Math.max(0, (high - low) / 2)) * 0.8;
  const ahead = middle + random.uniform(-range, range);
  const height = 50 + (top * scale) / 2;
  return { x: facing > 0 ? ahead : 100 - ahead, y: height + random.uniform(-6, 6) };
}
