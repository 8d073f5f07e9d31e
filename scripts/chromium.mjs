/** Finds or installs the Chromium in which pages and platform-independent code are tested. */
import { existsSync } from "node:fs";
import { aptInstall, THIS_PROCESS } from "../packages/addons/lib/apt.mjs";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** The path that the variable CHROMIUM names, or that of an installed Chromium; undefined if there is none. */
export function findChromium() {
  const { CHROMIUM } = process.env;
  return (CHROMIUM ? [CHROMIUM] : PLACES).find((place) => existsSync(place));
}

/**
 * Installs Debian's Chromium if none is installed and no password is needed.
 *
 * @param {(line: string) => void} say
 * @returns {Promise<string | undefined>} why Chromium is not available; undefined if it is
 */
export async function installChromium(say) {
  if (findChromium()) return undefined;
  const announce = () => say("  installing chromium with apt-get (half a minute) …");
  const hindrance = await aptInstall(["chromium"], { caller: THIS_PROCESS, announce });
  return findChromium() ? undefined : (hindrance ?? "apt-get did not install it");
}
