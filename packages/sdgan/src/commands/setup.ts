import { visible } from "@sdgan/core/basics";
import type { Command } from "commander";

interface Options {
  archive?: string;
}

/** `sdgan setup` */
export function addSetup(program: Command): void {
  program
    .command("setup")
    .description("find or install libtorch, and build the addons for it and for images")
    .option(
      "--archive <file or URL>",
      "unpack this zip archive of libtorch into the cache first; its checksum is compared with the variable LIBTORCH_SHA256",
    )
    .addHelpText(
      "after",
      `
libtorch is searched for in the folder that the variable LIBTORCH names, the project's .libtorch, the cache, the system
and Python's torch. If none is found, it is installed: Debian's package if apt-get works without a password, otherwise
the official archive, unpacked into the cache. All built or unpacked files go into the cache, $XDG_CACHE_HOME/sdgan or
~/.cache/sdgan. Files that are up to date are kept, so this command can be run at any time.

Example:
  npx sdgan setup`,
    )
    .action(setUp);
}

async function setUp({ archive }: Options): Promise<void> {
  try {
    // Not the main modules of these packages, which need the addons that are built here.
    const { setUpTorch } = await import("@sdgan/torch/setup");
    const { setUpImages } = await import("@sdgan/images/setup");
    const torch = await setUpTorch({ archive });
    console.log(
      `✓ libtorch ${torch.libtorch.version} ${torch.installed ? "installed" : "found"} in ${torch.libtorch.home}`,
    );
    console.log(`✓ ${describe("addon for libtorch", torch)}`);
    console.log(`✓ ${describe("addon for images", await setUpImages())}`);
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "Failure") throw error;
    // A failure that the user can fix: a message of several lines.
    console.error(`sdgan: ${error.message.split("\n").map(visible).join("\n")}`);
    process.exitCode = 1;
  }
}

function describe(what: string, { addon, compiled }: { addon: string; compiled: number }): string {
  return `${what} ${compiled < 0 ? "is up to date" : "built"}: ${addon}`;
}
