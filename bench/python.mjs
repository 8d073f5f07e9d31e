/** Debian's Python, which runs the programs that we compare with. */
import { aptInstall, THIS_PROCESS } from "../packages/addons/lib/apt.mjs";
import { run } from "../packages/addons/lib/command.mjs";
import { Failure } from "../packages/addons/lib/failure.mjs";

export const PYTHON = "/usr/bin/python3";

/**
 * Ensures that `module` can be imported: installs Debian's `packages` if they are missing and no password is needed.
 *
 * @param {string} module
 * @param {string[]} packages
 * @throws {Failure} if it cannot be imported
 */
export async function requireModule(module, packages) {
  const probe = () => run(PYTHON, ["-c", `import ${module}`]);
  if ((await probe()).code === 0) return;
  const announce = () => console.log(`  installing ${packages[0]} with apt-get (a minute or two) …`);
  const reason = await aptInstall(packages, { caller: THIS_PROCESS, announce });
  const { code, output } = await probe();
  if (code === 0) return;
  const found = reason ?? output.trim().split("\n").at(-1);
  throw new Failure(
    `${packages[0]}, which the benchmark needs, is not installed for ${PYTHON}: ${found}.\n` +
      `  Remedy: apt-get install -y ${packages[0]} (as root), on Debian or Ubuntu.`,
  );
}
