/** A Chromium without a window, in which pages and what runs anywhere are tested. */
import { existsSync } from "node:fs";
import { aptInstall, THIS_PROCESS } from "../packages/addons/lib/apt.mjs";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** The one that the environment's CHROMIUM names, or one where they are installed; undefined where there is none. */
export function findChromium() {
  const { CHROMIUM } = process.env;
  return (CHROMIUM ? [CHROMIUM] : PLACES).find((place) => existsSync(place));
}

/**
 * Installs Debian's where there is none and that needs no password.
 *
 * @param {(line: string) => void} say
 * @returns {Promise<string | undefined>} what stands in the way
 */
export async function installChromium(say) {
  if (findChromium()) return undefined;
  const announce = () => say("  installing chromium with apt-get (half a minute) …");
  const hindrance = await aptInstall(["chromium"], { caller: THIS_PROCESS, announce });
  return findChromium() ? undefined : (hindrance ?? "apt-get installed none");
}
