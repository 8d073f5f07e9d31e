/** The page's address: the view, and what a link to an image needs. */

export const VIEWS = ["generate", "inside", "compare", "walk", "watch"] as const;
export type View = (typeof VIEWS)[number];

export interface Link {
  view: View;
  prompt?: string;
  seed?: number;
  model?: string;
}

/** The part of an address after `#`, such as `#/generate?prompt=a+red+bird&seed=7&model=birds`. */
export function formatLink({ view, prompt, seed, model }: Link): string {
  const query = new URLSearchParams();
  if (prompt) query.set("prompt", prompt);
  if (seed !== undefined) query.set("seed", String(seed));
  if (model) query.set("model", model);
  const text = query.toString();
  return `#/${view}${text && `?${text}`}`;
}

/** Reads the part after `#`. What is not valid is left out. */
export function parseLink(hash: string): Link {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const values = new URLSearchParams(query);
  const view = VIEWS.find((name) => name === path) ?? "generate";
  const [prompt, seed, model] = [values.get("prompt"), values.get("seed"), values.get("model")];
  return {
    view,
    ...(prompt && { prompt: prompt.slice(0, MOST_CHARACTERS) }),
    ...(seed !== null && /^\d{1,15}$/.test(seed) && { seed: Number(seed) }),
    // Only names: a link must not load a model from elsewhere.
    ...(model && /^[\p{L}\p{N}][\p{L}\p{N}._-]{0,99}$/u.test(model) && { model }),
  };
}

/** Of a prompt. */
export const MOST_CHARACTERS = 2000;
