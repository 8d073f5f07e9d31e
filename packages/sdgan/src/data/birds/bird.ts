import type { Random } from "@sdgan/core";
import { ink, jitter, type Light, luma, mix, palette, paper, type Rgb } from "./colour.js";
import type { Traits } from "./species.js";
import { element, num, path, verticalGradient } from "./svg.js";

/** A bird's pose. Angles in degrees, clockwise in the bird's own frame, in which it faces right. */
export interface Pose {
  tilt: number;
  nod: number;
  wingAngle: number;
  tailAngle: number;
}

export function randomPose(random: Random): Pose {
  return {
    tilt: random.uniform(-13, 8),
    nod: random.uniform(-9, 9),
    wingAngle: random.uniform(-7, 10),
    tailAngle: random.uniform(-9, 12),
  };
}

/** How far a bird extends from the point between its feet, in the units of its drawing. */
export function extent(traits: Traits): { front: number; back: number; top: number } {
  return { front: traits.beak === "long" ? 44 : 34, back: traits.tail === "long" ? 46 : 35, top: 62 };
}

/**
 * Draws a bird in side view, facing right, with its feet at (0, 0). It is 65 to 90 units long from tail to
 * beak. The parts overlap, so they are drawn from back to front.
 */
export function drawBird(traits: Traits, pose: Pose, light: Light, random: Random): string {
  const body = plumage("body", palette[traits.body], light, random);
  const wings = plumage("wings", palette[traits.wings], light, random);
  const head = plumage("head", palette[traits.head], light, random);
  const belly = plumage("belly", palette[traits.belly], light, random);
  const horn = jitter(random.pick(horns), 8, random);

  const trunk = [
    rotate(pose.tailAngle, -20, -17, drawTail(traits.tail, body, light)),
    outlined(bodyShape, body, "none"),
    element("path", { d: bellyShape, fill: belly.fill, stroke: belly.edge, "stroke-width": 0.9 }),
    outlined(bodyShape, { ...body, fill: "none" }),
    rotate(pose.nod, 15, -46, drawHead(traits.beak, head, horn, light)),
    rotate(pose.wingAngle, 10, -33, drawWing(traits.pattern, wings, light, random)),
  ];
  const defs = [body, wings, head, belly].map((part) => part.gradient);
  return (
    element("defs", {}, defs.join("")) +
    drawLegs(mix(horn, ink, 0.25), light) +
    rotate(pose.tilt, 0, -16, trunk.join(""))
  );
}

/** The feathers of one part of the bird in one image. */
interface Plumage {
  colour: Rgb;
  /** The part's gradient, for `<defs>`. */
  gradient: string;
  /** Reference to the gradient. */
  fill: string;
  /** Colour of the outline, which separates neighbouring parts of the same colour. */
  edge: string;
}

function plumage(id: string, named: Rgb, light: Light, random: Random): Plumage {
  const colour = jitter(named, 9, random);
  const stops = [mix(colour, paper, 0.1), colour, mix(colour, ink, 0.14)];
  return {
    colour,
    gradient: verticalGradient(id, stops.map(light)),
    fill: `url(#${id})`,
    edge: light(luma(colour) > 0.25 ? mix(colour, ink, 0.62) : mix(colour, paper, 0.42)),
  };
}

function drawTail(length: Traits["tail"], body: Plumage, light: Light): string {
  const reach = length === "long" ? 1 : 0.42;
  const [x, y] = [-19 - 25 * reach, -18 + 21 * reach];
  const feathers = path`M -15 -24 L ${x - 2.5} ${y - 4} Q ${x - 2.5} ${y + 1} ${x + 1.5} ${y + 2.5} L -13 -10 Z`;
  const quills = path`M -17 -18 L ${x + 1} ${y - 2} M -15 -14 L ${x + 2} ${y}`;
  const shade = light(mix(body.colour, ink, 0.12));
  return outlined(feathers, { ...body, fill: shade }) + line(quills, body.edge, 0.6);
}

function drawHead(beak: Traits["beak"], head: Plumage, horn: Rgb, light: Light): string {
  const tip = beak === "long" ? 43 : 32.5;
  const beakShape = path`M 24.5 -51.5 Q ${(24 + tip) / 2} -51 ${tip} -45.5 Q ${(24 + tip) / 2} -43.8 24.5 -43 Z`;
  const mouth = path`M 25 -47 L ${tip - 1} -45.9`;
  const edge = light(mix(horn, ink, 0.65));
  return (
    element("path", { d: beakShape, fill: light(horn), stroke: edge, "stroke-width": 0.9 }) +
    line(mouth, edge, 0.6) +
    outlined(headShape, head) +
    element("circle", { cx: 18.6, cy: -49.5, r: 2.5, fill: light(paper) }) +
    element("circle", { cx: 18.9, cy: -49.5, r: 1.9, fill: light(ink) }) +
    element("circle", { cx: 19.6, cy: -50.2, r: 0.6, fill: "#fff" })
  );
}

function drawWing(pattern: Traits["pattern"], wings: Plumage, light: Light, random: Random): string {
  const marks = light(
    luma(wings.colour) > 0.5 ? mix(wings.colour, ink, 0.85) : mix(wings.colour, paper, 0.88),
  );
  const drawPattern = { plain: () => "", barred: drawBars, spotted: drawSpots }[pattern];
  return (
    outlined(wingShape, wings) +
    line("M -12 -19 Q -19 -14 -24.5 -9.5 M -8 -16 Q -15 -12 -20 -9", wings.edge, 0.5) +
    drawPattern(marks, random)
  );
}

/** Stripes across the wing, from its upper to its lower edge. */
function drawBars(colour: string, random: Random): string {
  const bars = [
    [4.2, -36, 5.5, -28, 3, -19.5],
    [-3.6, -34.4, -2.8, -25, -5.8, -16.8],
    [-11.2, -29, -10.6, -22, -13.6, -14.6],
  ].map(
    (bar) =>
      bar.map((value) => value + random.uniform(-0.4, 0.4)) as [
        number,
        number,
        number,
        number,
        number,
        number,
      ],
  );
  return line(
    bars.map(([a, b, c, d, e, f]) => path`M ${a} ${b} Q ${c} ${d} ${e} ${f}`).join(""),
    colour,
    3.1,
  );
}

/** Round dots all over the wing. */
function drawSpots(colour: string, random: Random): string {
  const places = [
    [6, -30],
    [0.5, -33.5],
    [-0.5, -24.5],
    [-6.5, -29],
    [-8, -20],
    [-14, -24],
    [-16.5, -16.5],
  ];
  const spots = places.map(([x, y]) => {
    const [cx, cy] = [x! + random.uniform(-0.7, 0.7), y! + random.uniform(-0.7, 0.7)];
    return element("circle", { cx, cy, r: random.uniform(1.75, 2.15) });
  });
  return element("g", { fill: colour }, spots.join(""));
}

function drawLegs(colour: Rgb, light: Light): string {
  const far = line("M 5 -8 L 6.5 0 M 3.5 0.4 L 9.5 0.4", light(mix(colour, ink, 0.3)), 1.5);
  const near = line("M -2 -8 L -1.5 0.6 M -4.5 1 L 1.8 1", light(colour), 1.7);
  return far + near;
}

function outlined(d: string, { fill, edge }: Pick<Plumage, "fill" | "edge">, stroke = edge): string {
  return element("path", { d, fill, stroke, "stroke-width": 1.3, "stroke-linejoin": "round" });
}

function line(d: string, stroke: string, width: number): string {
  return element("path", { d, fill: "none", stroke, "stroke-width": width, "stroke-linecap": "round" });
}

function rotate(degrees: number, x: number, y: number, children: string): string {
  return element("g", { transform: `rotate(${num(degrees)} ${num(x)} ${num(y)})` }, children);
}

const horns: Rgb[] = [
  [72, 70, 78],
  [196, 160, 92],
  [112, 98, 88],
];
const bodyShape =
  "M 6 -47 C -6 -44 -17 -33 -25 -16 C -21 -8 -10 -4 1 -4 C 15 -4 26 -15 26 -28 C 26 -38 19 -48 6 -47 Z";
const bellyShape =
  "M 26 -27 C 26 -15 15 -4 1 -4 C -6 -4 -13 -5.6 -18 -9 C -6 -9 2 -12 8 -17 C 13 -21.5 17 -27.5 26 -27 Z";
const headShape =
  "M 2.5 -44 C 3.5 -53 7.5 -60 15.5 -60 C 23 -60 28 -55 28 -48.5 C 28 -42.5 26.5 -37.5 22 -36 C 15 -34 7.5 -38 2.5 -44 Z";
const wingShape =
  "M 11 -28 C 10 -37 -1 -39 -9 -33 C -17 -26.5 -23 -18 -27.5 -8.5 C -18 -9.5 -9 -12 -1 -16 C 7 -20 11.5 -23 11 -28 Z";
