/**
 * The part of a step's batch that one of several processes has. All processes together have the batch that a single
 * process would have: its images, captions and random numbers.
 *
 * A batch consists of sections of U units: with Siamese branches, a unit is a pair, and the rows are U first branches, then
 * U second ones; without them it is an image. Process r of W has the units r·U/W … (r + 1)·U/W − 1, in every section.
 */
import { cat, noGrad, type Tensor, zeros } from "@sdgan/torch";

export interface BatchShare {
  /** This process: 0 … processes − 1. */
  readonly rank: number;
  readonly processes: number;
  /** The own rows of what `sample` returns for the rows of all processes: every process samples the same. */
  draw(rows: number, sample: (rows: number) => Tensor): Tensor;
  /** The own rows of a tensor with the rows of all processes. */
  own(whole: Tensor): Tensor;
  /** The rows of all processes, in the order of a single process's batch. Their gradients return to their owners. */
  gather(own: Tensor): Tensor;
  /** The sum over processes, which can be differentiated. */
  sum(own: Tensor): Tensor;
}

/** The whole batch, in a single process. */
export const wholeBatch: BatchShare = {
  rank: 0,
  processes: 1,
  draw: (rows, sample) => sample(rows),
  own: (whole) => whole,
  gather: (own) => own,
  sum: (own) => own,
};

export interface Sharing {
  rank: number;
  worldSize: number;
  /** U/W, the units of a section in this process. */
  units: number;
  /** The sum over processes, with a gradient: the sum over processes of the gradients. */
  sumOverProcesses(own: Tensor): Tensor;
}

/** The share of process `rank`. */
export function shareOf({ rank, worldSize, units, sumOverProcesses }: Sharing): BatchShare {
  const own = (whole: Tensor): Tensor => {
    const sections = sectionsOf(whole.size(0), units * worldSize);
    const rest = whole.shape.slice(1);
    return whole
      .reshape(sections, worldSize, units, ...rest)
      .select(1, rank)
      .reshape(sections * units, ...rest);
  };
  return {
    rank,
    processes: worldSize,
    own,
    draw: (rows, sample) => own(noGrad(() => sample(rows * worldSize))),
    sum: sumOverProcesses,
    gather(given) {
      const sections = sectionsOf(given.size(0), units);
      const rest = given.shape.slice(1);
      const placed = given.reshape(sections, 1, units, ...rest);
      // A sum of parts that are zero elsewhere: x + 0 is x.
      const nothing = (count: number) =>
        zeros([sections, count, units, ...rest], { dtype: given.dtype, device: given.device });
      const parts = [
        ...(rank > 0 ? [nothing(rank)] : []),
        placed,
        ...(rank < worldSize - 1 ? [nothing(worldSize - 1 - rank)] : []),
      ];
      return sumOverProcesses(cat(parts, 1)).reshape(sections * worldSize * units, ...rest);
    },
  };
}

function sectionsOf(rows: number, units: number): number {
  if (rows % units === 0) return rows / units;
  throw new RangeError(`a batch of ${rows} rows does not consist of sections of ${units}`);
}
