import { arange, type Tensor } from "@sdgan/torch";

/**
 * [B, B], true where row and column are two different places of the batch with one class. Losses that identify a place among
 * all do not count these as wrong answers.
 *
 * @param rows classes of the rows: [B], int64
 * @param columns those of the columns, by default the same
 */
export function othersOfClass(rows: Tensor, columns: Tensor = rows): Tensor {
  const equal = rows.unsqueeze(1).eq(columns.unsqueeze(0));
  const own = arange(0, rows.size(0), 1, { device: rows.device });
  return equal.logicalAnd(own.unsqueeze(1).ne(own.unsqueeze(0)));
}
