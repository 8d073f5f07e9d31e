/** Values that have tensors in them, as what processes send to each other: a text, and the tensors' numbers in one row. */
import { cat, isTensor, noGrad, type Tensor, zeros } from "@sdgan/torch";

export interface Packed {
  text: string;
  /** float32 [N], on the CPU */
  numbers: Tensor;
}

/**
 * @param value of plain objects, arrays and what JSON has, with tensors in it
 * @throws TypeError if a tensor is not float32 on the CPU
 */
export function pack(value: unknown): Packed {
  const rows: Tensor[] = [];
  let from = 0;
  const text = JSON.stringify(value, (_, one: unknown) => {
    if (!isTensor(one)) return one;
    const { dtype, device, shape, numel } = one;
    if (dtype !== "float32" || device !== "cpu")
      throw new TypeError(`pack: expected tensors of float32 on the cpu, found ${dtype} on ${device}`);
    rows.push(one.detach().reshape(-1));
    const place: Place = { tensorAt: from, shape: [...shape] };
    from += numel;
    return place;
  });
  return { text, numbers: noGrad(() => (rows.length > 0 ? cat(rows) : zeros([0]))) };
}

/** What was packed. Each of its tensors has memory of its own. */
export function unpack<Value>({ text, numbers }: Packed): Value {
  return JSON.parse(text, (_, one: unknown) => {
    if (!isPlace(one)) return one;
    const { tensorAt, shape } = one;
    const numel = shape.reduce((product, size) => product * size, 1);
    return numbers
      .narrow(0, tensorAt, numel)
      .reshape(...shape)
      .clone();
  }) as Value;
}

/** Stands for a tensor in the text: where its numbers begin. */
interface Place {
  tensorAt: number;
  shape: number[];
}

function isPlace(value: unknown): value is Place {
  return typeof value === "object" && value !== null && "tensorAt" in value;
}
