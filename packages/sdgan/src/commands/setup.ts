import { visible } from "@sdgan/core";
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
      "unpack this zip archive of libtorch into the cache first; the variable LIBTORCH_SHA256 has its checksum compared",
    )
    .addHelpText(
      "after",
      `
libtorch is looked for in the folder that the variable LIBTORCH names, .libtorch of the project, the cache, the system
and Python's torch. Where there is none, it is installed: Debian's package where apt-get works without a password, else
the official archive, unpacked into the cache. All that is built or unpacked goes into the cache, $XDG_CACHE_HOME/sdgan
or ~/.cache/sdgan. What is there and up to date is left as it is, so this can be run at any time.

Example:
  npx sdgan setup`,
    )
    .action(setUp);
}

async function setUp({ archive }: Options): Promise<void> {
  try {
    // Not of these packages' main modules, which need the addons that are built here.
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
    // What set-up throws when there is something that its user can do: several lines.
    console.error(`sdgan: ${error.message.split("\n").map(visible).join("\n")}`);
    process.exitCode = 1;
  }
}

function describe(what: string, { addon, compiled }: { addon: string; compiled: number }): string {
  return `${what} ${compiled < 0 ? "is up to date" : "built"}: ${addon}`;
}
