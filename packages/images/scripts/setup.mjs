/**
 * Builds the addon that prepares images: `native/*.cc` into `images.node` in the per-user cache. With libjpeg-turbo, which
 * is installed if no password is needed, it decodes JPEGs itself. Without, it only scales images that sharp has decoded,
 * which is slower.
 *
 *   node setup.mjs
 */
import { addonFacts, aptInstall, buildAddon, Failure, runAsProgram, THIS_PROCESS } from "@sdgan/addons";

const PACKAGE = new URL("..", import.meta.url);

/**
 * @param {import("@sdgan/addons").BuildOptions & { caller?: import("@sdgan/addons").Caller }} [options]
 * @returns {Promise<{ addon: string, compiled: number }>} `compiled` is the number of files, -1 if the addon was up to
 *   date
 * @throws {Failure} if the compiler fails
 */
export async function setUpImages({ say = console.log, caller = THIS_PROCESS, ...options } = {}) {
  const build = async (/** @type {boolean} */ jpeg) => {
    const { path, compiled } = await buildAddon(images(jpeg), { ...options, say });
    return { addon: path, compiled };
  };
  try {
    return await build(true);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
  }
  // If it was built without libjpeg-turbo before, do not try to install that again.
  const earlier = addonFacts(PACKAGE, options.env ? { env: options.env } : {});
  if (earlier?.jpeg === false) return build(false);
  const announce = () => say("  installing libjpeg-dev with apt-get …");
  const reason = await aptInstall(["libjpeg-dev"], { caller, announce });
  if (reason === undefined) {
    try {
      return await build(true);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
    }
  }
  const built = await build(false);
  say(`  without libjpeg-turbo, JPEGs are prepared more slowly (${reason ?? "its headers do not fit"})`);
  return built;
}

/**
 * How the addon was built; undefined if set-up has not built it.
 *
 * @returns {{ addon: string, jpeg: boolean } | undefined}
 */
export function builtWith() {
  return /** @type {any} */ (addonFacts(PACKAGE));
}

/**
 * @param {boolean} jpeg
 * @returns {import("@sdgan/addons").Addon}
 */
function images(jpeg) {
  return {
    name: "images",
    folder: PACKAGE,
    flags: { compile: ["-O3", ...(jpeg ? ["-DWITH_JPEG"] : [])], link: jpeg ? ["-ljpeg"] : [] },
    standard: 17,
    facts: { jpeg },
  };
}

await runAsProgram(import.meta.url, async () => {
  const { addon, compiled } = await setUpImages();
  console.log(`✓ ${addon} ${compiled < 0 ? "is up to date" : "built"}`);
});
