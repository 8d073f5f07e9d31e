import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const source = fileURLToPath(new URL(".", import.meta.url));

/** Every module of this package without tests, with the modules that it imports, also for types. */
function imports(): Map<string, string[]> {
  const files = readdirSync(source, { recursive: true, encoding: "utf8" });
  const modules = files.filter((name) => name.endsWith(".ts") && !/\.(test|d)\.ts$/.test(name));
  return new Map(
    modules.map((name) => {
      const text = readFileSync(join(source, name), "utf8");
      const found = [...text.matchAll(/^(?:import|export)\b[^;]*?from "(\.[^"]+)\.js";/gm)];
      return [name, found.map(([, path]) => `${relative(source, join(source, dirname(name), path!))}.ts`)];
    }),
  );
}

/** A cycle of modules, each importing the next; undefined if there is none. */
function circleIn(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const visit = (module: string, above: string[]): string[] | undefined => {
    if (above.includes(module)) return [...above.slice(above.indexOf(module)), module];
    if (done.has(module)) return undefined;
    done.add(module);
    for (const next of graph.get(module) ?? []) {
      const circle = visit(next, [...above, module]);
      if (circle) return circle;
    }
    return undefined;
  };
  for (const module of graph.keys()) {
    const circle = visit(module, []);
    if (circle) return circle;
  }
  return undefined;
}

it("there are no import cycles", () => {
  const graph = imports();
  for (const [name, modules] of graph)
    for (const module of modules) expect(graph.has(module), `${name} imports ${module}`).toBe(true);
  expect(graph.get("tensor.ts")).toContain("tensor/indexing.ts");
  expect(circleIn(graph)).toBeUndefined();
});

it("a cycle is found", () => {
  expect(circleIn(new Map([["a", ["b"]], ["b", ["c", "d"]], ["c", []], ["d", ["b"]]]))).toEqual(["b", "d", "b"]); // biome-ignore format: pairs
});
