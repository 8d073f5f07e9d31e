import { describe, expect, it } from "vitest";
import { einsum, type Tensor, tensor, zeros } from "../index.js";
import { formula } from "../testing/formula.js";
import { gradcheck } from "../testing/gradcheck.js";

/** x = torch.sin(0.7 * torch.arange(6, dtype=float64) + 0.3).reshape(2, 3); numbers are PyTorch 1.13's. */
const x = formula([2, 3]);
const [a, b, c] = [0.29552020666133955, 0.8414709848078965, 0.9916648104524686];
const [d, e, f] = [0.675463180551151, 0.04158066243329049, -0.6118578909427193];
const close = (found: Tensor, expected: number[]) => {
  expect(found.numel).toBe(expected.length);
  for (const [i, value] of found.toNumbers().entries()) expect(value).toBeCloseTo(expected[i]!, 10);
};
const both = ([values, indices]: [Tensor, Tensor], expected: number[], places: number[]) => {
  close(values, expected);
  expect(indices.dtype).toBe("int64");
  expect(indices.toNumbers()).toEqual(places);
};

describe("max, min, sort, topk", () => {
  it("over all elements, and along a dimension with indices", () => {
    close(x.max(), [c]);
    close(x.min(), [f]);
    both(x.max(0), [d, b, c], [1, 0, 0]);
    both(x.min(1), [a, f], [0, 2]);
    expect(x.max(1, true)[0].shape).toEqual([2, 1]);
    expect(x.argmax().item()).toBe(2);
    expect(x.argmin().item()).toBe(5);
    expect(x.argmin(1).toNumbers()).toEqual([0, 2]);
    expect(x.argmax(0, true).shape).toEqual([1, 3]);
  });

  it("in both orders, and stable", () => {
    both(x.sort(), [a, b, c, f, e, d], [0, 1, 2, 2, 1, 0]);
    both(x.sort(1, { descending: true }), [c, b, a, d, e, f], [2, 1, 0, 0, 1, 2]);
    both(x.sort(0), [a, e, f, d, b, c], [0, 1, 1, 1, 0, 0]);
    const equal = zeros([40]);
    expect(equal.argsort(0, { stable: true }).toNumbers()).toEqual(Array.from({ length: 40 }, (_, i) => i));
    both(x.topk(2), [c, b, d, e], [2, 1, 0, 1]);
    both(x.topk(1, 0, { largest: false }), [a, e, f], [0, 1, 1]);
  });

  it("have gradients", () => {
    for (const of of [
      (x?: Tensor) => x!.max(1)[0],
      (x?: Tensor) => x!.min(),
      (x?: Tensor) => x!.sort(1)[0],
      (x?: Tensor) => x!.topk(2)[0],
      (x?: Tensor) => x!.cumsum(1).mul(x!.cumprod(0)).add(x!.prod(1, true)),
    ])
      expect(gradcheck(of, [x.clone()])).toBeLessThan(1e-5);
  });
});

describe("sums and products", () => {
  it("cumulative ones, and products", () => {
    close(x.cumsum(1), [a, a + b, a + b + c, d, d + e, d + e + f]);
    close(x.cumprod(0), [a, b, c, a * d, b * e, c * f]);
    close(x.prod(), [a * b * c * d * e * f]);
    close(x.prod(1), [a * b * c, d * e * f]);
  });

  it("einsum: products by letters", () => {
    close(einsum("ij,kj->ik", x, x), x.matmul(x.t()).toNumbers());
    close(einsum("ii", x.matmul(x.t())), [a * a + b * b + c * c + d * d + e * e + f * f]);
    close(einsum("i,j->ij", tensor([1, 2]), tensor([3, 4])), [3, 4, 6, 8]);
    expect(gradcheck((x, y) => einsum("ij,kj->ik", x!, y!), [x.clone(), x.clone()])).toBeLessThan(1e-5);
    expect(() => einsum("ij,jk->ik", x, x)).toThrow(/aten::einsum/);
  });
});
