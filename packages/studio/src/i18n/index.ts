import { signal } from "@preact/signals";
import { type Dictionary, en } from "./en.js";
import { zh } from "./zh.js";

export type Language = "en" | "zh";

export const dictionaries: Record<Language, Dictionary> = { en, zh };

/** Names of the languages, each in itself. */
export const languages: Record<Language, string> = { en: "English", zh: "中文" };

export const language = signal<Language>("en");

/** The text of a key in the page's language. Components that call it follow changes of the language. */
export function t(key: keyof Dictionary, values: Record<string, string | number> = {}): string {
  return dictionaries[language.value][key].replace(/\{(\w+)\}/g, (all, name: string) =>
    String(values[name] ?? all),
  );
}
