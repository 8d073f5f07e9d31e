/**
 * For tests: makes a single process normalize as several processes with BN statistics of their own would. Every batch of BN
 * is taken apart into the rows of each process (ghost batches: Hoffer et al., 2017), which are normalized separately.
 * Imported into a process of its own, whose commands get GHOSTS="PROCESSES UNITS", the units of a whole section.
 */
import { cat, functional, nn, type Tensor, tensor } from "@sdgan/torch";

type Normalize = (
  input: Tensor,
  more?: Pick<functional.BatchNormOptions, "scale" | "shift" | "attend" | "batches">,
) => Tensor;
const prototype = nn.BatchNorm.prototype as unknown as { normalize: Normalize };
const inOneBatch = prototype.normalize;

prototype.normalize = function (this: nn.BatchNorm, input, more = {}) {
  if (!this.training) return inOneBatch.call(this, input, more);
  const { scale, shift } = functional.attendedModulation(input, more);
  const { batches = [input.size(0)] } = more;
  const [processes, units] = process.env.GHOSTS!.split(" ").map(Number) as [number, number];
  const orders: number[] = [];
  const sizes: number[] = [];
  let first = 0;
  for (const size of batches) {
    for (let rank = 0; rank < processes; rank++) {
      const rows = Array.from({ length: size }, (_, row) => row).filter(
        (row) => Math.floor(((row % units) * processes) / units) === rank,
      );
      orders.push(...rows.map((row) => first + row));
      sizes.push(rows.length);
    }
    first += size;
  }
  const back = orders.map((_, row) => orders.indexOf(row));
  const arranged = (rows: Tensor, order: number[]) => {
    const moved = rows.index(tensor(order, { dtype: "int64" }));
    return rows.isContiguous("channels_last") ? cat([moved]).to({ memoryFormat: "channels_last" }) : moved;
  };
  const output = inOneBatch.call(this, arranged(input, orders), {
    ...(scale && { scale: arranged(scale, orders), shift: arranged(shift!, orders) }),
    batches: sizes,
  });
  return arranged(output, back);
};
