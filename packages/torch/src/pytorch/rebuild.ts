/** The functions of PyTorch that a checkpoint's pickle may call: those that make tensors from storages. */
import { call } from "../dispatch.js";
import type { Globals } from "../pickle/index.js";
import { isTensor, type Tensor } from "../tensor.js";
import { isCount, Storage, storageDtypes } from "./storages.js";

/** Far more than in real checkpoints. */
const MOST_TENSORS = 200_000;

/** The limit of libtorch's loops over dimensions. */
const MOST_DIMENSIONS = 64;

/**
 * @param room elements that all tensors together may have. Each view of a storage counts, because saving the tensors
 *   elsewhere writes every view
 */
export function tensorGlobals(room: number): Globals {
  let [tensors, elements] = [0, 0];
  const rebuild = (storage: unknown, offset: unknown, size: unknown, stride: unknown): Tensor => {
    if (!(storage instanceof Storage)) throw new Error("expected a storage");
    tensors += 1;
    elements += product(size);
    if (tensors > MOST_TENSORS) throw new Error(`more than ${MOST_TENSORS} tensors`);
    if (elements > room)
      throw new Error(`its tensors have ${elements} elements together, far more than the file has`);
    return view(storage, offset, size, stride);
  };
  const unwrap = (tensor: unknown): Tensor => {
    if (!isTensor(tensor)) throw new Error("expected a tensor");
    return tensor;
  };
  return {
    "torch._utils._rebuild_tensor": rebuild,
    "torch._utils._rebuild_tensor_v2": rebuild,
    "torch._utils._rebuild_parameter": unwrap,
    "torch._utils._rebuild_parameter_with_state": unwrap,
    "torch.Size": (sizes: unknown = []) => sizes,
    ...Object.fromEntries(Object.keys(storageDtypes).map((name) => [name, refuseToCall])),
  };
}

function view({ elements, begin, length }: Storage, offset: unknown, size: unknown, stride: unknown): Tensor {
  if (!isCounts(size) || !isCounts(stride) || size.length !== stride.length || !isCount(offset))
    throw new Error("expected a shape and the same number of strides");
  if (size.length > MOST_DIMENSIONS)
    throw new Error(`a tensor of ${size.length} dimensions; up to ${MOST_DIMENSIONS} are read`);
  const last = size.reduce((sum, extent, i) => sum + (extent - 1) * stride[i]!, offset);
  if (!size.includes(0) && last >= length) {
    throw new Error(
      `a tensor of shape [${size.join(", ")}] needs element ${last} of a storage with ${length} elements`,
    );
  }
  const place = size.includes(0) ? 0 : begin + offset;
  return call("as_strided", elements, size, stride, place);
}

function product(size: unknown): number {
  if (!isCounts(size)) return 0;
  return size.reduce((all, extent) => all * extent, 1);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(isCount);
}

/** Classes of storages are only names in a pickle. */
function refuseToCall(): never {
  throw new Error("a storage cannot be made by a call");
}
