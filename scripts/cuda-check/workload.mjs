/** A training step of a configuration on random images and captions: the same on every device. */

import { imageSizes } from "@sdgan/core";
import { randn, scope, tensor } from "@sdgan/torch";
import { makeDamsm, moveDamsm } from "../../packages/sdgan/dist/artifacts/damsm.js";
import { damsmLosses } from "../../packages/sdgan/dist/training/damsm-task.js";
import { makeGanTrainer } from "../../packages/sdgan/dist/training/make-gan-trainer.js";

const WORDS = 200;

/**
 * Makes the networks and one batch that stays on the device, so that `step` measures training without the loader.
 *
 * @param {import("@sdgan/core").Config} config
 * @param {import("../../packages/sdgan/dist/compute/compute.js").Compute} compute
 */
export function makeWorkload(config, { device, dtype }) {
  const pairs = config.training.batch;
  const B = pairs * (config.siamese.enabled ? 2 : 1);
  const damsm = makeDamsm(config, WORDS);
  for (const network of Object.values(damsm)) network.requiresGrad(false).eval();
  moveDamsm(damsm, device);
  const lengths = Array.from({ length: B }, (_, b) => 1 + ((b * 7) % config.data.maxWords));
  const tokens = lengths.map((_, b) =>
    Array.from({ length: config.data.maxWords }, (_, t) => 1 + ((b * 31 + t * 17) % (WORDS - 1))),
  );
  const text = damsm.text.forward(tensor(tokens, { dtype: "int64", device }), lengths);
  const classIds = tensor(
    lengths.map((_, b) => b % pairs),
    { dtype: "int64", device },
  );
  const real = imageSizes(config.generator).map((size) =>
    randn([B, size, size, 3]).tanh().permute(0, 3, 1, 2).to({ device, dtype }),
  );
  const same = config.siamese.enabled
    ? tensor(
        Array.from({ length: pairs }, (_, i) => i % 2),
        { device },
      )
    : undefined;
  const { damsmWeight } = config.training;
  const trainer = makeGanTrainer(config, {
    device,
    ...(damsmWeight > 0 && {
      damsm: {
        weight: damsmWeight,
        losses: (/** @type {import("@sdgan/torch").Tensor} */ image) =>
          damsmLosses(damsm, image, text, classIds, config.damsm),
      },
    }),
  });
  const { noise, condition } = config.generator;
  const samples = () => ({
    noise: randn([B, noise]).to({ device }),
    epsilon: randn([B, condition]).to({ device }),
  });
  return {
    images: B,
    trainer,
    /** One step, its losses left on the device. The noise is sampled on the device. */
    step: () => scope(() => void trainer.step({ real, text, ...(same && { same }) })),
    /** One step with noise sampled on the processor. Returns its losses. */
    losses: () =>
      scope(() => {
        const metrics = trainer.step({ real, text, ...(same && { same }) }, samples());
        return Object.values(metrics.losses).map((loss) => loss.item());
      }),
  };
}
