import { run } from "./errors.js";
import { makeProgram } from "./program.js";

await run(async () => {
  await makeProgram().parseAsync();
});
