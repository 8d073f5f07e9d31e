import { visible } from "@sdgan/core/basics";
import type { Command } from "commander";

/** `sdgan doctor` */
export function addDoctor(program: Command): void {
  program
    .command("doctor")
    .description(
      "check what this machine offers for training and generation, and print how to fix what is missing",
    )
    .addHelpText(
      "after",
      "\nExits with code 1 if training is not possible on this machine yet.\n\nExample:\n  npx sdgan doctor",
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
