/** A number in SVG: at most two decimals, so that the same image is the same text on every machine. */
export function num(value: number): string {
  return String(Math.round(value * 100) / 100 + 0);
}

/** Template tag for path data, with every value rounded by `num`. */
export function path(parts: TemplateStringsArray, ...values: number[]): string {
  return parts.reduce((text, part, i) => text + num(values[i - 1]!) + part);
}

/** An element with attributes, whose numbers are rounded, and children. */
export function element(name: string, attributes: Record<string, string | number>, children = ""): string {
  const written = Object.entries(attributes).map(([key, value]) => {
    return ` ${key}="${typeof value === "number" ? num(value) : value}"`;
  });
  return `<${name}${written.join("")}${children ? `>${children}</${name}>` : "/>"}`;
}

/** A gradient from `colours[0]` at the top to the last colour at the bottom, referenced as `url(#id)`. */
export function verticalGradient(id: string, colours: string[]): string {
  const stops = colours.map((colour, i) => {
    return element("stop", { offset: i / (colours.length - 1), "stop-color": colour });
  });
  return element("linearGradient", { id, x1: 0, y1: 0, x2: 0, y2: 1 }, stops.join(""));
}
