/**
 * Checks a report.html in a browser, on a wide and a narrow screen, light, dark and in print: it makes no network
 * request, logs no error, shows every image and curve, and does not overflow horizontally. Writes screenshots and a PDF
 * beside it. Needs Chromium: Debian's (apt-get install chromium), or the one that the variable CHROMIUM names.
 *
 *   node scripts/check-report.mjs runs/ablation/report.html
 */
import "./node-version.mjs";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { Failure, runAsProgram } from "../packages/addons/lib/failure.mjs";
import { findChromium } from "./chromium.mjs";

const LOOKS = [
  { name: "light", width: 1280, colorScheme: "light" },
  { name: "dark", width: 1280, colorScheme: "dark" },
  { name: "narrow", width: 390, colorScheme: "light" },
];

/** Width of A4 paper between margins of 12 mm, in CSS pixels (96 per inch). */
const A4 = 703;

await runAsProgram(import.meta.url, async () => {
  const [report] = process.argv.slice(2);
  if (!report || !existsSync(report))
    throw new Failure(`${report ?? "report.html"}: this file does not exist`);
  const executablePath = findChromium();
  if (!executablePath)
    throw new Failure("Chromium was not found. Run apt-get install chromium, or set CHROMIUM to its path.");
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  try {
    const papers = [];
    for (const look of LOOKS) papers.push(await check(browser, resolve(report), look));
    if (papers[0] === papers[1])
      throw new Failure(`${report}: the background is ${papers[0]} in the dark mode too`);
  } finally {
    await browser.close();
  }
  console.log("All checks passed.");
});

/**
 * Returns the page's background.
 *
 * @param {import("playwright-core").Browser} browser
 * @param {string} report
 * @param {typeof LOOKS[number]} look
 */
async function check(browser, report, { name, width, colorScheme }) {
  const page = await browser.newPage({
    viewport: { width, height: 900 },
    colorScheme: colorScheme === "dark" ? "dark" : "light",
  });
  /** @type {string[]} */
  const wrong = [];
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith("data:") && url !== pathToFileURL(report).href) wrong.push(`requests ${url}`);
  });
  page.on(
    "console",
    (message) => message.type() === "error" && wrong.push(`logs the error ${message.text()}`),
  );
  page.on("pageerror", (error) => wrong.push(`fails with ${error.message}`));
  await page.goto(pathToFileURL(report).href);
  // A string, because it runs in the page: here its types could not be checked.
  const seen = await page.evaluate(`({
    paper: getComputedStyle(document.body).backgroundColor,
    images: document.images.length,
    broken: [...document.images].filter((image) => !image.complete || image.naturalWidth === 0).length,
    curves: document.querySelectorAll("svg").length,
    flat: [...document.querySelectorAll("svg")].filter((svg) => svg.getBoundingClientRect().height < 50).length,
    over: document.documentElement.scrollWidth - innerWidth,
  })`);
  const { paper, images, broken, curves, flat, over } = /** @type {Record<string, any>} */ (seen);
  if (broken > 0) wrong.push(`${broken} of ${images} images are broken`);
  if (flat > 0) wrong.push(`${flat} of ${curves} curves have no height`);
  if (over > 0) wrong.push(`overflows horizontally by ${over} pixels`);
  const beside = `${report.replace(/\.html$/, "")}-${name}`;
  await page.screenshot({ path: `${beside}.png`, fullPage: true });
  if (name === "light") {
    await page.emulateMedia({ media: "print" });
    await page.setViewportSize({ width: A4, height: 900 });
    const beyond = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
    if (Number(beyond) > 0) wrong.push(`overflows horizontally in print by ${beyond} pixels`);
    await page.pdf({ path: `${report.replace(/\.html$/, "")}.pdf`, format: "A4" });
  }
  await page.close();
  if (wrong.length > 0) throw new Failure(`${report}, ${name}: ${wrong.join("; ")}`);
  console.log(`${name}: ${images} images, ${curves} curves; ${beside}.png`);
  return paper;
}
