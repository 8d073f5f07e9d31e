/** A report as one HTML file without external resources, for light and dark screens and for print. */

export interface Page {
  title: string;
  /** Text below the title. */
  lead: string;
  sections: Section[];
}

export interface Section {
  title: string;
  /** Explanation in one or two sentences. */
  about: string;
  /** HTML. */
  body: string;
}

export function pageOf({ title, lead, sections }: Page): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${html(title)}</title>
<style>${style}</style>
</head>
<body>
<header><h1>${html(title)}</h1><p>${html(lead)}</p></header>
<main>
${sections.map(sectionOf).join("\n")}
</main>
</body>
</html>
`;
}

/** Escapes text for HTML. */
export function html(text: string): string {
  const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (letter) => names[letter]!);
}

/** Cells as a table. The first row is the header; `**…**` is bold. */
export function tableOf(cells: readonly (readonly string[])[]): string {
  const [head = [], ...rows] = cells;
  const row = (tag: string, own: readonly string[]) =>
    `<tr>${own.map((cell, i) => (i === 0 ? `<th>${marked(cell)}</th>` : `<${tag}>${marked(cell)}</${tag}>`)).join("")}</tr>`;
  return `<div class="wide"><table><thead>${row("th", head)}</thead><tbody>${rows.map((own) => row("td", own)).join("")}</tbody></table></div>`;
}

export interface Shown {
  /** A `data:` URL. */
  image: string;
  /** Text below the image. */
  caption?: string;
}

/** Images side by side, wrapped to the width of the page. */
export function stripOf(images: readonly Shown[]): string {
  return `<div class="strip">${images.map(figureOf).join("")}</div>`;
}

export interface ImageRow {
  title: string;
  images: readonly (Shown | undefined)[];
  /** Text after the images. */
  note?: string;
}

/** Images in rows and columns. */
export function gridOf(columns: readonly string[], rows: readonly ImageRow[]): string {
  const head = `<tr><th></th>${columns.map((column) => `<th>${html(column)}</th>`).join("")}</tr>`;
  const cell = (shown: Shown | undefined) => `<td>${shown ? figureOf(shown) : ""}</td>`;
  const body = rows.map(
    ({ title, images, note }) =>
      `<tr><th dir="auto">${html(title)}</th>${images.map(cell).join("")}${note ? `<td class="note">${html(note)}</td>` : ""}</tr>`,
  );
  return `<div class="wide"><table class="grid${columns.length > 8 ? " many" : ""}"><thead>${head}</thead><tbody>${body.join("")}</tbody></table></div>`;
}

function sectionOf({ title, about, body }: Section): string {
  return `<section><h2>${html(title)}</h2><p>${html(about)}</p>${body}</section>`;
}

function figureOf({ image, caption = "" }: Shown): string {
  const words = caption ? `<figcaption dir="auto">${html(caption)}</figcaption>` : "";
  return `<figure><img src="${image}" alt="${html(caption)}">${words}</figure>`;
}

function marked(cell: string): string {
  return html(cell).replace(/^\*\*(.*)\*\*$/, "<strong>$1</strong>");
}

const style = `
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1d1d1f; --pale: #66666e; --rule: #d9d9de; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #17171a; --ink: #ececf0; --pale: #a0a0aa; --rule: #3a3a40; }
}
body { margin: 0 auto; padding: 1.5rem; max-width: 76rem; background: var(--paper); color: var(--ink);
  font: 16px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 0; border-top: 1px solid var(--rule); padding-top: 1rem; }
p, figcaption, .grid th { color: var(--pale); }
p { margin: .3rem 0 1rem; max-width: 46rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
th { text-align: start; font-weight: 500; vertical-align: top; }
td { text-align: right; white-space: nowrap; }
th, td { padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--rule); }
th:first-child { min-width: 8rem; }
.wide + .wide { margin-top: 1.5rem; }
strong { font-weight: 750; }
.grid th, .grid td { border: 0; padding: 0 .4rem .4rem 0; vertical-align: top; }
.grid th { font-size: .8rem; max-width: 14rem; }
.note { text-align: left; white-space: normal; max-width: 24rem; font-size: .8rem; }
figure { margin: 0; }
img { width: 96px; height: 96px; display: block; image-rendering: pixelated; }
figcaption { font-size: .75rem; line-height: 1.25; width: 96px; white-space: normal; text-align: start;
  overflow-wrap: anywhere; margin-top: .15rem; }
.strip, .curves { display: flex; flex-wrap: wrap; gap: .6rem; margin-bottom: 1rem; }
.curves { gap: 1.2rem; }
.curves figure { width: 22rem; max-width: 100%; }
.curves figcaption { width: auto; font-size: .85rem; color: var(--ink); }
.legend { display: flex; flex-wrap: wrap; gap: 0 1rem; font-size: .8rem; color: var(--pale); }
.legend i { display: inline-block; width: .8em; height: .8em; margin-right: .35em; border-radius: 2px; }
svg { display: block; max-width: 100%; height: auto; }
svg text { white-space: pre; }
@page { margin: 12mm; }
@media print {
  :root { color-scheme: light; --paper: #ffffff; --ink: #000000; --pale: #444444; --rule: #bbbbbb; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  .wide { overflow: visible; }
  table { font-size: 7pt; }
  th, td { padding-right: .35rem; white-space: normal; overflow-wrap: anywhere; }
  th:first-child { min-width: 5rem; }
  tr, figure, .curves figure { break-inside: avoid; }
  h2 { break-after: avoid; }
  img, .legend i { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  img { width: 64px; height: 64px; } figcaption { width: 64px; } .curves figcaption { width: auto; }
  .many img { width: 38px; height: 38px; } .many th { font-size: 6pt; max-width: 5rem; min-width: 0; overflow-wrap: anywhere; }
  .many td, .many th { padding-right: .15rem; }
}
`;
