import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as torch from "./index.js";

const text = readFileSync(new URL("../FEATURES.md", import.meta.url), "utf8");

/** Names in the second column of all tables: `nn.Linear`, `call("erf")`. */
const names = text
  .split("\n")
  .filter((line) => line.startsWith("|") && !/^\|( ---|\s*PyTorch)/.test(line))
  .flatMap((line) => [...line.split(/(?<!\\)\|/)[2]!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!));

/** Whether a name exists as an export, or as a static or instance member of a class. */
function exists(name: string): boolean {
  const operator = /^call\("(.+)"\)$/.exec(name)?.[1];
  if (operator !== undefined) return torch.schema(operator).includes(operator.split(".")[0]!);
  let place: unknown = torch;
  for (const part of name.split(".")) {
    const owner = [place, (place as { prototype?: unknown }).prototype].find(
      (object) => object && (typeof object === "object" || typeof object === "function") && part in object,
    );
    // Own members of instances, not of the prototype.
    if (!owner) return place === torch.optim.Optimizer && part in new torch.optim.SGD([torch.ones([1])]);
    place = owner === place ? (place as Record<string, unknown>)[part] : undefined;
    if (place === undefined) return true;
  }
  return true;
}

/** Public names: exports, members of their namespaces, and methods of tensors and modules. */
function* publicNames(): IterableIterator<string> {
  for (const [name, value] of Object.entries(torch)) {
    if (!isNamespace(value)) yield name;
    else
      yield* Object.keys(value).flatMap((key) => withinNamespace(`${name}.${key}`, Reflect.get(value, key)));
  }
  let prototype: object = torch.Tensor.prototype;
  for (; Object.getPrototypeOf(prototype) !== Object.prototype; prototype = Object.getPrototypeOf(prototype))
    yield* membersOf(prototype).map((key) => `Tensor.${key}`);
  yield* membersOf(torch.nn.Module.prototype).map((key) => `nn.Module.${key}`);
}

function withinNamespace(name: string, value: unknown): string[] {
  return isNamespace(value) ? Object.keys(value).map((key) => `${name}.${key}`) : [name];
}

const isNamespace = (value: unknown): value is object =>
  typeof value === "object" && value !== null && Reflect.get(value, Symbol.toStringTag) === "Module";

const membersOf = (prototype: object) =>
  Object.getOwnPropertyNames(prototype).filter((key) => key !== "constructor");

describe("FEATURES.md", () => {
  it("names only what exists", () => {
    expect(names.length).toBeGreaterThan(250);
    for (const name of names) expect(exists(name), name).toBe(true);
  });

  it("does not pass with an unknown name", () => {
    for (const name of [
      "nothing",
      "nn.Nothing",
      "Tensor.nothing",
      "nn.Module.nothing",
      "optim.Optimizer.nothing",
    ])
      expect(exists(name), name).toBe(false);
    expect(() => exists('call("nothing")')).toThrow(/unknown to libtorch/);
  });

  it("lists everything public", () => {
    const listed = [...names];
    // A class may be listed by its members.
    const isListed = (name: string) => listed.some((other) => other === name || other.startsWith(`${name}.`));
    expect(
      [...publicNames()].filter((name) => !isListed(name)),
      "give each a row in FEATURES.md",
    ).toEqual([]);
  });
});
