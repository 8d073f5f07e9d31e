import type { Random } from "@sdgan/core";
import { jitter, type Light, mix, paper, type Rgb } from "./colour.js";
import { element, path, verticalGradient } from "./svg.js";

/**
 * Draws the background of a bird whose feet are at (`x`, `y`) of an image of 100 × 100 units. Its colours are
 * soft and of medium lightness, so that white, black, blue and green birds stand out from it.
 */
export function drawScene(x: number, y: number, light: Light, random: Random): string {
  return random.pick([drawMeadow, drawShore, drawSky, drawFoliage, drawWall])({ x, y, light, random });
}

interface SceneOptions {
  x: number;
  y: number;
  light: Light;
  random: Random;
}

function drawMeadow({ x, y, light, random }: SceneOptions): string {
  const grass = jitter([146, 166, 112], 12, random);
  const horizon = y - random.uniform(8, 26);
  const blades = Array.from({ length: 26 }, () => {
    const [left, foot] = [random.uniform(0, 100), random.uniform(horizon + 6, 104)];
    return path`M ${left} ${foot} q ${random.uniform(-1, 1)} -3 ${random.uniform(-2.5, 2.5)} ${random.uniform(-7, -4)}`;
  });
  return (
    backdrop("sky", [jitter([168, 196, 214], 12, random), jitter([208, 218, 214], 8, random)], light) +
    ridge(horizon - 4, mix(grass, [150, 175, 180], 0.5), light, random) +
    ridge(horizon, grass, light, random) +
    stroke(blades.join(""), mix(grass, [70, 96, 60], 0.6), light, 0.9) +
    shadow(x, y, mix(grass, [60, 74, 50], 0.6), light)
  );
}

function drawShore({ x, y, light, random }: SceneOptions): string {
  const sand = jitter([204, 188, 156], 10, random);
  const water = jitter([142, 172, 184], 12, random);
  const edge = y - random.uniform(3, 14);
  const horizon = edge - random.uniform(10, 26);
  const waves = Array.from({ length: 7 }, () => {
    return path`M ${random.uniform(-5, 95)} ${random.uniform(horizon + 2, edge - 2)} q 4 -1.6 8 0 t 8 0`;
  });
  const pebbles = Array.from({ length: 9 }, () => {
    const [cx, cy] = [random.uniform(2, 98), random.uniform(y + 2, 100)];
    return element("ellipse", { cx, cy, rx: random.uniform(0.8, 2.2), ry: random.uniform(0.6, 1.1) });
  });
  return (
    backdrop("sky", [jitter([178, 198, 212], 12, random), jitter([214, 210, 202], 8, random)], light) +
    element("path", { d: path`M 0 ${horizon} H 100 V 100 H 0 Z`, fill: light(water) }) +
    stroke(waves.join(""), mix(water, paper, 0.45), light, 0.8) +
    ridge(edge, sand, light, random) +
    element("g", { fill: light(mix(sand, [110, 96, 84], 0.5)) }, pebbles.join("")) +
    shadow(x, y, mix(sand, [100, 84, 66], 0.6), light)
  );
}

function drawSky(place: SceneOptions): string {
  const { light, random } = place;
  const top = jitter(
    random.pick<Rgb>([
      [132, 170, 204],
      [160, 186, 206],
      [196, 172, 168],
    ]),
    10,
    random,
  );
  const clouds = Array.from({ length: 2 + random.below(3) }, () => {
    const [cx, cy, rx] = [random.uniform(0, 100), random.uniform(5, 70), random.uniform(9, 18)];
    const puff = (dx: number, dy: number, share: number) => {
      return element("ellipse", {
        cx: cx + dx * rx,
        cy: cy + dy * rx,
        rx: rx * share,
        ry: rx * share * 0.42,
      });
    };
    return puff(0, 0, 1) + puff(-0.35, -0.2, 0.6) + puff(0.4, -0.16, 0.5);
  });
  return (
    backdrop("sky", [top, mix(top, [226, 222, 208], 0.7)], light) +
    element("g", { fill: light([226, 228, 228]), opacity: 0.55 }, clouds.join("")) +
    branch(place)
  );
}

function drawFoliage(place: SceneOptions): string {
  const { light, random } = place;
  const green = jitter(
    random.pick<Rgb>([
      [158, 176, 136],
      [136, 158, 128],
      [180, 178, 134],
    ]),
    12,
    random,
  );
  const blurs = Array.from({ length: 16 }, () => {
    const fill = light(jitter(green, 26, random));
    const [cx, cy, r] = [random.uniform(0, 100), random.uniform(0, 100), random.uniform(6, 16)];
    return element("circle", { cx, cy, r, fill });
  });
  return (
    backdrop("green", [mix(green, paper, 0.2), mix(green, [80, 96, 76], 0.2)], light) +
    element("g", { opacity: 0.45 }, blurs.join("")) +
    branch(place)
  );
}

function drawWall(place: SceneOptions): string {
  const { light, random } = place;
  const paint = random.pick<Rgb>([
    [186, 196, 200],
    [206, 192, 172],
    [178, 190, 168],
    [200, 184, 188],
    [164, 172, 184],
  ]);
  const colour = jitter(paint, 12, random);
  return backdrop("wall", [mix(colour, paper, 0.22), mix(colour, [90, 86, 84], 0.12)], light) + branch(place);
}

/** A branch under the bird's feet, with a few leaves. */
function branch({ x, y, light, random }: SceneOptions): string {
  const bark = jitter([146, 128, 112], 12, random);
  const slope = random.uniform(-0.12, 0.12);
  const at = (where: number) => y + 2.2 + (where - x) * slope;
  const wood = path`M -5 ${at(-5)} Q ${x / 2} ${at(x / 2) + 1} ${x} ${at(x)} T 105 ${at(105)}`;
  const leaves = Array.from({ length: random.below(5) }, () => {
    const where = random.pick([random.uniform(0, 20), random.uniform(80, 100)]);
    const [tip, up] = [random.uniform(-6, 6), random.pick([-1, 1]) * random.uniform(6, 10)];
    const foot = at(where);
    return path`M ${where} ${foot} q ${tip - 4} ${up / 2} ${tip} ${up} q ${4 - tip / 3} ${-up / 2} ${-tip} ${-up} Z`;
  });
  return (
    stroke(wood, mix(bark, [52, 42, 38], 0.65), light, 4.4) +
    stroke(wood, bark, light, 3) +
    element("path", { d: leaves.join("") || "M 0 0", fill: light(jitter([112, 140, 88], 14, random)) })
  );
}

function backdrop(id: string, colours: Rgb[], light: Light): string {
  return (
    element("defs", {}, verticalGradient(id, colours.map(light))) +
    element("rect", { width: 100, height: 100, fill: `url(#${id})` })
  );
}

/** Everything below a gently waved line at height `y`. */
function ridge(y: number, colour: Rgb, light: Light, random: Random): string {
  const [left, middle, right] = [0, 0, 0].map(() => y + random.uniform(-2, 2));
  const d = path`M 0 ${left!} Q 25 ${middle! - 3} 50 ${middle!} T 100 ${right!} V 100 H 0 Z`;
  return element("path", { d, fill: light(colour) });
}

function shadow(x: number, y: number, colour: Rgb, light: Light): string {
  return element("ellipse", { cx: x, cy: y + 1.5, rx: 17, ry: 2.6, fill: light(colour), opacity: 0.6 });
}

function stroke(d: string, colour: Rgb, light: Light, width: number): string {
  return element("path", {
    d,
    fill: "none",
    stroke: light(colour),
    "stroke-width": width,
    "stroke-linecap": "round",
  });
}
