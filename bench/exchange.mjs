/**
 * Checks that AttnGAN's checkpoints give the same results here and in PyTorch. Checkpoints that PyTorch writes, in both
 * of its formats, are imported and must generate the same images (BN in evaluation mode); exported weights are loaded
 * back in PyTorch and must generate the same images there. Exits with 1 if anything differs by more than 1e-4. PyTorch
 * is Debian's python3-torch.
 *
 *   node bench/exchange.mjs            at CUB's sizes: two minutes
 *   node bench/exchange.mjs --small    small networks: seconds
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../packages/addons/lib/command.mjs";
import { Failure, runAsProgram } from "../packages/addons/lib/failure.mjs";
import { ROOT, setUp } from "../scripts/setup.mjs";
import { PYTHON, requireModule } from "./python.mjs";

const RIVAL = join(ROOT, "bench/rival/exchange.py");
const MOST = 1e-4;

await runAsProgram(import.meta.url, async () => {
  await setUp();
  await import("../packages/sdgan/dist/tuned.js"); // Before any module that loads libtorch.
  await requireModule("torch", ["python3-torch", "libopenblas0-openmp"]);
  const folder = mkdtempSync(join(tmpdir(), "sdgan-exchange-"));
  try {
    await python("write", folder, ...process.argv.slice(2));
    for (const format of ["zip", "legacy"]) {
      const { importAttngan } = await import("../packages/sdgan/dist/exchange/import-attngan.js");
      const { exportRun } = await import("../packages/sdgan/dist/exchange/export-run.js");
      const [begin, [run, weights]] = [
        performance.now(),
        [join(folder, `run-${format}`), join(folder, `out-${format}`)],
      ];
      importAttngan({ files: [join(folder, format)], run, config: "cub" });
      const seconds = (performance.now() - begin) / 1000;
      exportRun(run, weights);
      report(
        `${format}: imported in ${seconds.toFixed(1)} s; here and in PyTorch`,
        await differenceHere(run, folder),
      );
      const { worst } = JSON.parse(await python("check", folder, weights));
      report(`${format}: exported and loaded back in PyTorch`, worst);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/**
 * @param {string[]} args
 * @returns {Promise<string>} its standard output
 */
async function python(...args) {
  const { code, output } = await run(PYTHON, [RIVAL, ...args], { cwd: ROOT });
  if (code !== 0) throw new Failure(`${PYTHON} ${RIVAL} failed:\n${output.trim()}`);
  return output;
}

/**
 * @param {string} what
 * @param {number} difference
 */
function report(what, difference) {
  console.log(`${difference <= MOST ? "✓" : "✗"} ${what}: largest difference ${difference.toExponential(1)}`);
  if (!(difference <= MOST)) process.exitCode = 1;
}

/**
 * The largest difference of images (−1 … 1), text features and discriminator outputs (0 … 1) from PyTorch's.
 * @param {string} runFolder
 * @param {string} folder
 * @returns {Promise<number>}
 */
async function differenceHere(runFolder, folder) {
  const { inferenceMode, loadPytorch, loadSafetensors, scope } = await import(
    "../packages/torch/dist/index.js"
  );
  const { imageSizes } = await import("@sdgan/core");
  const { Discriminator } = await import("../packages/sdgan/dist/models/discriminator.js");
  const { TextEncoder } = await import("../packages/sdgan/dist/models/text-encoder.js");
  const { openRun } = await import("../packages/sdgan/dist/run/run-folder.js");
  const { newestCheckpoint } = await import("../packages/sdgan/dist/artifacts/checkpoints.js");
  const { stateUnder } = await import("../packages/sdgan/dist/artifacts/tensor-file.js");
  const { makeGenerator } = await import("../packages/sdgan/dist/artifacts/model.js");
  const { loadVocabulary } = await import("../packages/sdgan/dist/util/vocabulary-file.js");

  return scope(() =>
    inferenceMode(() => {
      const { config, vocabulary, checkpoints } = openRun(runFolder);
      const model = loadSafetensors(join(runFolder, "model.safetensors")).tensors;
      const states = loadSafetensors(/** @type {string} */ (newestCheckpoint(checkpoints))).tensors;
      const generator = makeGenerator(config);
      const text = new TextEncoder({ vocabularySize: loadVocabulary(vocabulary).size, ...config.text });
      generator.loadStateDict(stateUnder(model, "generator"));
      text.loadStateDict(stateUnder(model, "text"));
      generator.eval().to({ memoryFormat: "channels_last" });
      text.eval();

      const reference = /** @type {Map<string, any>} */ (loadPytorch(join(folder, "reference.pth")));
      const [given, expected] = [reference.get("given"), reference.get("expected")];
      const features = text.forward(given.get("tokens"), given.get("lengths").toNumbers());
      const { images } = generator.forward(given.get("z"), features, given.get("epsilon"));
      /** @type {[string, import("../packages/torch/dist/index.js").Tensor][]} */
      const ours = [
        ["words", features.words],
        ["sentence", features.sentence],
      ];
      for (const [i, imageSize] of imageSizes(config.generator).entries()) {
        const { width } = config.discriminator;
        const discriminator = new Discriminator({ width, imageSize, textWidth: config.text.width });
        discriminator.loadStateDict(stateUnder(states, `discriminator${i}`));
        discriminator.eval().to({ memoryFormat: "channels_last" });
        const image = /** @type {import("../packages/torch/dist/index.js").Tensor} */ (images[i]);
        const imageFeatures = discriminator.forward(image.to({ memoryFormat: "channels_last" }));
        ours.push(
          [`image${i}`, image],
          [`unconditional${i}`, discriminator.unconditional(imageFeatures).sigmoid()],
          [`conditional${i}`, discriminator.conditional(imageFeatures, features.sentence).sigmoid()],
        );
      }
      return Math.max(...ours.map(([name, value]) => value.sub(expected.get(name)).abs().amax([]).item()));
    }),
  );
}
