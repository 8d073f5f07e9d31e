/**
 * Pairwise distances and cosines of features. In float64, because they are small differences of large sums.
 */
import { scope, type Tensor } from "@sdgan/torch";

/** a [N, D], b [M, D] → squared Euclidean distances [N, M]. */
export function squaredDistances(a: Tensor, b: Tensor): Tensor {
  const [x, y] = [a.to("float64"), b.to("float64")];
  return squares(x).unsqueeze(1).add(squares(y)).sub(x.matmul(y.t()).mul(2)).clamp(0);
}

/** a [N, D], b [M, D] → cosines [N, M]. */
export function cosines(a: Tensor, b: Tensor): Tensor {
  const unit = (x: Tensor) => x.div(squares(x).sqrt().clamp(1e-12).unsqueeze(1));
  return unit(a.to("float64")).matmul(unit(b.to("float64")).t());
}

/** a, b [N, D] → Euclidean distances of corresponding rows [N]. */
export function rowDistances(a: Tensor, b: Tensor): Tensor {
  return squares(a.to("float64").sub(b.to("float64"))).sqrt();
}

const squares = (x: Tensor) => x.square().sum(1);

/** Most distances held in memory at a time. */
const distancesAtOnce = 2 ** 22;

/**
 * Applies `of` to consecutive blocks of rows of features [N, D], sized for distances to about N other
 * features. `first` is the index of a block's first row.
 */
export function inRows<Result>(features: Tensor, of: (rows: Tensor, first: number) => Result): Result[] {
  const count = features.size(0);
  const rowsAtOnce = Math.ceil(distancesAtOnce / count);
  return Array.from({ length: Math.ceil(count / rowsAtOnce) }, (_, i) => {
    const first = i * rowsAtOnce;
    return scope(() => of(features.narrow(0, first, Math.min(rowsAtOnce, count - first)), first));
  });
}

/** Mean Euclidean distance between features [N, D], over all pairs. */
export function meanDistance(features: Tensor): number {
  const N = features.size(0);
  const sums = inRows(features, (rows) => squaredDistances(rows, features).sqrt().sum().item());
  return sums.reduce((sum, part) => sum + part, 0) / (N * (N - 1)); // The diagonal is 0.
}
