import type { FilesOutcome } from "./main.js";

export declare function runFilesFuzz(cases: number, seed: number, seconds: number): FilesOutcome;
