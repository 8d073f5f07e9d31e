/** The functions of PyTorch that a checkpoint's pickle may call: those that make tensors of storages. */
import { call } from "../dispatch.js";
import type { Globals } from "../pickle/index.js";
import { isTensor, type Tensor } from "../tensor.js";
import { isCount, Storage, storageDtypes } from "./storages.js";

/** No real checkpoint comes near. */
const MOST_TENSORS = 200_000;

/** What libtorch's own loops over dimensions are made for. */
const MOST_DIMENSIONS = 64;

/**
 * @param room elements that all tensors may have together: views of one storage count each for itself, since whoever
 *   writes them elsewhere writes all of them
 */
export function tensorGlobals(room: number): Globals {
  let [tensors, elements] = [0, 0];
  const rebuild = (storage: unknown, offset: unknown, size: unknown, stride: unknown): Tensor => {
    if (!(storage instanceof Storage)) throw new Error("expected a storage");
    tensors += 1;
    elements += product(size);
    if (tensors > MOST_TENSORS) throw new Error(`more than ${MOST_TENSORS} tensors`);
    if (elements > room)
      throw new Error(`its tensors have ${elements} elements together, far more than are there`);
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
    throw new Error("expected a shape and as many strides");
  if (size.length > MOST_DIMENSIONS)
    throw new Error(`a tensor of ${size.length} dimensions; up to ${MOST_DIMENSIONS} are read`);
  const last = size.reduce((sum, extent, i) => sum + (extent - 1) * stride[i]!, offset);
  if (!size.includes(0) && last >= length) {
    throw new Error(
      `a tensor of shape [${size.join(", ")}] takes the element ${last} of a storage that has ${length}`,
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

/** Classes of storages stand in a pickle as names only. */
function refuseToCall(): never {
  throw new Error("a storage is not made of a call");
}
