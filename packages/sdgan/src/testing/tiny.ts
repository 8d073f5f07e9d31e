/** For tests: a configuration whose steps take milliseconds, for data of 16 pixels or a multiple. */
export const tinyConfig = `
text: { embedding: 8, width: 8 }
damsm: { width: 4, batch: 4, imageSize: 16, steps: 8 }
generator:
  { width: 4, firstSize: 8, stages: 2, residualBlocks: 1, noise: 8, condition: 8, scbn: both, scbnHidden: 8 }
discriminator: { width: 4 }
training: { batch: 4, steps: 8, precision: float32 }
log: { every: 1, sampleEvery: 5, checkpointEvery: 3 }
`;
