// Runs the fuzz from its sources: node child.mjs CALLS SEED FILE. Prints the outcome as JSON.
import { fileURLToPath } from "node:url";
import { runnerImport } from "vite";

const [calls, seed, path] = process.argv.slice(2);
const main = fileURLToPath(new URL("main.ts", import.meta.url));
const { module } = await runnerImport(main, { logLevel: "silent", configFile: false });
console.log(JSON.stringify(module.fuzz(Number(calls), Number(seed), path)));
process.exit(0);
