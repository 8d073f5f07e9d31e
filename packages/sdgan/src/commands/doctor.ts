import { visible } from "@sdgan/core/basics";
import type { Command } from "commander";

/** `sdgan doctor` */
export function addDoctor(program: Command): void {
  program
    .command("doctor")
    .description("what this machine has for training and drawing, and what to do about what it lacks")
    .addHelpText(
      "after",
      "\nExits with 1 if nothing can be trained here yet.\n\nExample:\n  npx sdgan doctor",
    )
    .action(async () => {
      const { examine } = await import("../doctor/examine.js");
      const findings = await examine();
      for (const { what, found, advice } of findings) {
        console.log(visible(`${advice ? "!" : " "} ${what.padEnd(10)} ${found}`));
        if (advice) console.log(visible(`             → ${advice}`));
      }
      if (findings.some(({ fatal }) => fatal)) process.exitCode = 1;
    });
}
