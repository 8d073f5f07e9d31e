/**
 * A model of the time of a training step in several processes: computing, sums over processes by a ring, and what of both
 * happens at the same time. Times in seconds, sizes in bytes.
 */

/**
 * @typedef {{ fixed: number, perUnit: number }} Compute of one process: fixed + perUnit · units of its batch
 * @typedef {{ latency: number, bandwidth: number }} Network of a message between neighbours in the ring
 */

/** A sum over `world` processes by a ring: 2(W − 1) messages of 1/W of the bytes each, one after the other. */
export function ringSeconds(bytes, world, { latency, bandwidth }) {
  return 2 * (world - 1) * (latency + bytes / world / bandwidth);
}

/** Latency and bandwidth for which `ringSeconds` fits the points [bytes, seconds], by least squares of relative errors. */
export function fitNetwork(points, world) {
  const hops = 2 * (world - 1);
  const [latency, perByte] = leastSquares(
    points.map(([bytes, seconds]) => [hops, (hops * bytes) / world, seconds]),
  );
  return { latency: Math.max(0, latency), bandwidth: 1 / perByte };
}

/** The line through computing times [units, seconds], by least squares of relative errors. */
export function fitCompute(points) {
  const [fixed, perUnit] = leastSquares(points.map(([units, seconds]) => [1, units, seconds]));
  return { fixed, perUnit };
}

/** a, b for which a·x + b·y is z, with errors relative to z. */
function leastSquares(rows) {
  let [xx, xy, yy, x, y] = [0, 0, 0, 0, 0];
  for (const [a, b, z] of rows) {
    const [u, v] = [a / z, b / z];
    xx += u * u;
    xy += u * v;
    yy += v * v;
    x += u;
    y += v;
  }
  const determinant = xx * yy - xy * xy;
  return [(x * yy - y * xy) / determinant, (y * xx - x * xy) / determinant];
}

export const computeSeconds = ({ fixed, perUnit }, units) => fixed + perUnit * units;

/**
 * A step of processes with one thread each on the cores of one machine. gloo's threads need the same cores, so nothing
 * happens at the same time: computing, then the sums.
 *
 * @param {{
 *   world: number, cores: number, units: number, compute: Compute, contention: number, network: Network,
 *   bytes: number, messages: number,
 * }} options units of the batch of all processes; `contention`: how much longer computing takes with all cores in use
 */
export function processorStep({ world, cores, units, compute, contention, network, bytes, messages }) {
  const shared = Math.max(1, world / cores); // More processes than cores take turns.
  const computing = computeSeconds(compute, units / world) * contention * shared;
  return {
    computing,
    sums: ringSeconds(bytes, world, network) + ringSeconds(0, world, network) * (messages - 1),
  };
}

/**
 * A step on GPUs, one process each. The sums of gradients run one after the other beside the computing of later phases: those
 * of discriminators until the generator's phase needs the new discriminators, and the generator's after all.
 *
 * @param {{
 *   world: number, units: number, gpu: Compute, network: Network, phases: ReturnType<typeof phasesOf>, small: number,
 *   overlap?: boolean, tree?: boolean,
 * }} options units of one process; `small` messages of a step, too small for the bandwidth to matter; `tree`: these take
 *   2·log₂W messages one after the other
 */
export function gpuStep({ world, units, gpu, network, phases, small, overlap = true, tree = false }) {
  const computing = computeSeconds(gpu, units);
  // A bucket of gradients has 25 MiB at most.
  const sum = (bytes) => {
    const buckets = Math.ceil(bytes / (25 * 2 ** 20));
    return world === 1 ? 0 : buckets * ringSeconds(bytes / buckets, world, network);
  };
  const hops = tree ? 2 * Math.ceil(Math.log2(world)) : 2 * (world - 1);
  let now = phases.images * computing;
  let sent = now;
  for (const { share, bytes } of phases.discriminators) {
    now += share * computing;
    sent = Math.max(sent, now) + sum(bytes);
    if (!overlap) now = sent;
  }
  now = Math.max(now, sent) + phases.generator.share * computing + sum(phases.generator.bytes);
  return now + small * hops * network.latency;
}

/**
 * Shares of a step's computing, in the order of its phases, and the bytes of their gradients.
 *
 * @param {{ images: number, discriminators: number[], generator: number }} operations
 * @param {{ discriminators: number[], generator: number }} bytes
 */
export function phasesOf(operations, bytes) {
  const all = operations.images + operations.generator + operations.discriminators.reduce((a, b) => a + b, 0);
  return {
    images: operations.images / all,
    discriminators: operations.discriminators.map((own, i) => ({
      share: own / all,
      bytes: bytes.discriminators[i],
    })),
    generator: { share: operations.generator / all, bytes: bytes.generator },
  };
}

/** The phases with each gradient sent in half as many bytes. */
export const halved = ({ images, discriminators, generator }) => ({
  images,
  discriminators: discriminators.map(({ share, bytes }) => ({ share, bytes: bytes / 2 })),
  generator: { ...generator, bytes: generator.bytes / 2 },
});
