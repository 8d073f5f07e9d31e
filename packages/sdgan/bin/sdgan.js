#!/usr/bin/env node
import { existsSync } from "node:fs";

const main = new URL("../dist/commands/main.js", import.meta.url);
if (existsSync(main)) {
  await import(main.href);
} else {
  console.error("sdgan is not built yet. Run: npm run setup");
  process.exitCode = 1;
}
