/** node dist/testing/fuzz/data-fuzz-child.js CASES SEED FOLDER: prints the outcome as JSON. */
import { fuzzData } from "./data-fuzz.js";

const [cases, seed, root] = process.argv.slice(2);
console.log(JSON.stringify(await fuzzData(Number(cases), Number(seed), root!)));
