import type { Command } from "commander";
export function addGenerate(program: Command): void {
  program.command("generate");
}
