// Runs the fuzz of files from its sources: node child.mjs CASES SEED FOLDER. Prints the outcome as JSON.
import { fileURLToPath } from "node:url";
import { runnerImport } from "vite";

const [cases, seed, folder] = process.argv.slice(2);
const main = fileURLToPath(new URL("main.ts", import.meta.url));
const { module } = await runnerImport(main, { logLevel: "silent", configFile: false });
console.log(JSON.stringify(module.fuzzFiles(Number(cases), Number(seed), folder)));
process.exit(0);
