import { beforeEach, expect, it, vi } from "vitest";
import { oneOf, stored } from "./stored.js";

let values: Map<string, string>;
beforeEach(() => {
  values = new Map();
  vi.stubGlobal("localStorage", {
    getItem: (key: string) => values.get(key) ?? null,
    setItem: (key: string, value: string) => values.set(key, value),
  });
});

it("keeps a value between visits", () => {
  stored("theme", "auto", oneOf("auto", "dark")).value = "dark";
  expect(stored("theme", "auto", oneOf("auto", "dark")).value).toBe("dark");
});

it("begins anew with what cannot be used", () => {
  values.set("sdgan-studio/theme", '"purple"');
  expect(stored("theme", "auto", oneOf("auto", "dark")).value).toBe("auto");
  values.set("sdgan-studio/theme", "{");
  expect(stored("theme", "auto", oneOf("auto", "dark")).value).toBe("auto");
});

it("works where the browser stores nothing", () => {
  const refuse = () => {
    throw new Error("denied");
  };
  vi.stubGlobal("localStorage", { getItem: refuse, setItem: refuse });
  const value = stored("count", 8, oneOf(4, 8));
  value.value = 4;
  expect(value.value).toBe(4);
});
