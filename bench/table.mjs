/** The rows of `npm run bench`: the measurements each row needs, and the result computed from them. */
import { loadConfig } from "../packages/sdgan/dist/config/load.js";
import { BASELINE, stepOperations } from "./operations.mjs";
import { TRAINED_PRESETS } from "./training-folder.mjs";

/** @typedef {{ by: string, what: string, label?: string, options?: object, times?: number, environment?: object }} Need */

const step = { by: "ours", what: "step", options: { baseline: true, batch: 10 }, times: 6 };
const published = { by: "PyTorch", what: "step", options: { batch: 10 }, times: 2 };
const allocator = { ...published, by: "PyTorch tuned" };
const tuned = { by: "PyTorch tuned", what: "step", options: { batch: 10, bfloat16: true } };
const sdgan = { by: "ours", what: "step", options: { batch: 10 } };
const ceiling = { by: "ours", what: "convolutions" };
const generation = { what: "generation", options: { batch: 8 }, times: 6 };
const baseline = loadConfig("cub", BASELINE);

/** Training from end to end: this project's, PyTorch's as published, and tuned. Each of `times` is 10 steps. */
const trainings = (preset) => {
  const rival = { what: "training", label: preset, options: { config: loadConfig(preset) }, times: 4 };
  return [
    { by: "ours", what: "training", options: { preset }, times: 8 },
    { by: "PyTorch", ...rival },
    { by: "PyTorch tuned", ...rival, options: { ...rival.options, tuned: true } },
  ];
};

/** A whole process, from start to end. */
const command = (...words) => ({ by: "command", what: words.join(" "), options: { words }, times: 9 });
const rate = ({ images, seconds }) => summary(seconds.map((s) => images / s));
const times = (ours, rival) => ({ ours, rival, ratio: ours.median / rival.median });
const rates = (ours, rival) => times(rate(ours), rate(rival));
const milliseconds = ({ seconds }) => summary(seconds.map((s) => 1000 * s));
const single = (value) => ({ median: value, min: value, max: value });

/** @type {{ what: string, unit: string, needs: Need[], row: Function }[]} */
export const table = [
  { what: "baseline step / PyTorch as published", unit: "images/s", needs: [step, published], row: rates },
  {
    what: "baseline step / PyTorch, allocator tuned",
    unit: "images/s",
    needs: [step, allocator],
    row: rates,
  },
  { what: "baseline step / PyTorch tuned", unit: "images/s", needs: [step, tuned], row: rates },
  {
    what: "peak memory of the step / PyTorch as published",
    unit: "MiB",
    needs: [step, published],
    row: (ours, rival) => times(single(ours.peakMiB), single(rival.peakMiB)),
  },
  {
    what: "convolution ceiling",
    unit: "GFLOP/s",
    needs: [step, ceiling],
    row: (ours, { gflops }) => {
      const operations = stepOperations(baseline, { published: false });
      return times(summary(ours.seconds.map((s) => (operations * ours.images) / s)), single(gflops));
    },
  },
  {
    what: "SD-GAN step / two baseline steps",
    unit: "s",
    needs: [sdgan, step],
    row: (ours, base) => times(summary(ours.seconds), summary(base.seconds.map((s) => 2 * s))),
  },
  {
    what: "DAMSM losses / reference loops",
    unit: "images/s",
    needs: [
      { by: "ours", what: "damsmLosses", times: 12 },
      { by: "PyTorch", what: "damsmLosses", times: 4 },
    ],
    row: rates,
  },
  {
    what: "DAMSM step of birds-64 / PyTorch with the reference loops",
    unit: "images/s",
    needs: [
      { by: "ours", what: "damsmStep", times: 15 },
      { by: "PyTorch", what: "damsmStep", times: 10 },
    ],
    row: rates,
  },
  {
    what: "generation / PyTorch float32",
    unit: "images/s",
    needs: [
      { by: "ours", ...generation },
      { by: "PyTorch", ...generation },
    ],
    row: rates,
  },
  {
    what: "generation / PyTorch tuned",
    unit: "images/s",
    needs: [
      { by: "ours", ...generation },
      { by: "PyTorch tuned", what: "generation", options: { batch: 8, bfloat16: true }, times: 6 },
    ],
    row: rates,
  },
  ...[
    ["one thread", { ...step, environment: { OMP_NUM_THREADS: "1" }, times: 2 }],
    ["batch 5", { ...step, options: { baseline: true, batch: 5 } }],
    ["batch 20", { ...step, options: { baseline: true, batch: 20 }, times: 2 }],
    [
      "32 to 128 pixels",
      { ...step, options: { baseline: true, batch: 10, settings: ["generator.firstSize=32"] } },
    ],
    ["float32", { ...step, options: { baseline: true, batch: 10, precision: "float32" }, times: 2 }],
  ].map(([what, need]) => ({
    what: `baseline step, ${what}`,
    unit: "images/s",
    needs: [need],
    row: (ours) => ({ ours: rate(ours) }),
  })),
  {
    what: "birds-64 step of SD-GAN",
    unit: "images/s",
    needs: [{ by: "ours", what: "step", options: { preset: "birds-64" }, times: 20 }],
    row: (ours) => ({ ours: rate(ours) }),
  },
  ...TRAINED_PRESETS.flatMap((preset) => {
    const [ours, published, tuned] = trainings(preset);
    const start = ({ startSeconds }) => summary(startSeconds);
    return [
      { what: `${preset} training / PyTorch`, unit: "images/s", needs: [ours, published], row: rates },
      { what: `${preset} training / PyTorch tuned`, unit: "images/s", needs: [ours, tuned], row: rates },
      {
        what: `${preset} training, start to the end of the first step / PyTorch`,
        unit: "s",
        needs: [ours, published],
        row: (own, rival) => times(start(own), start(rival)),
      },
      {
        what: `${preset} training, peak memory / PyTorch`,
        unit: "MiB",
        needs: [ours, published],
        row: (own, rival) => times(single(own.peakMiB), single(rival.peakMiB)),
      },
    ];
  }),
  ...[0, 1, 2].map((workers) => ({
    what: `share of a birds-64 step that waits for images, ${workers} workers`,
    unit: "%",
    needs: [{ by: "ours", what: "loader", options: { workers }, times: 30 }],
    row: ({ percent }) => ({ ours: summary(percent) }),
  })),
  {
    what: "loading libtorch / import torch",
    unit: "ms",
    needs: [
      command("node", "-e", "import('@sdgan/torch').then(({ ones }) => ones([2]))"),
      command("/usr/bin/python3", "-c", "import torch; torch.ones(2)"),
    ],
    row: (ours, rival) => times(milliseconds(ours), milliseconds(rival)),
  },
  {
    what: "sdgan --help",
    unit: "ms",
    needs: [command("node", "packages/sdgan/bin/sdgan.js", "--help")],
    row: (ours) => ({ ours: milliseconds(ours) }),
  },
];

function summary(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return { median: sorted[sorted.length >> 1], min: sorted[0], max: sorted.at(-1) };
}
