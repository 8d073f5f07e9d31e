/**
 * Reads the outline of an ONNX file (onnx.proto3 of ONNX 1.17), and refuses what can reach outside the file or run
 * other code than the operators of the standard: external data, custom operators and functions, loops without an end.
 */
import { type Budget, type Field, fieldsOf, ProtobufError, textOf, varintsOf } from "./protobuf.js";

/** An input or output of a model. */
export interface Port {
  name: string;
  /** ONNX's number of the element type: `FLOAT`, `INT64`, …; 0 for anything but a tensor. */
  type: number;
  /** Its dimensions, `undefined` for those that are not fixed; `undefined` as a whole if the rank is not fixed. */
  shape: readonly (number | undefined)[] | undefined;
}

export interface ModelOutline {
  inputs: Port[];
  outputs: Port[];
}

/** TensorProto.DataType */
export const FLOAT = 1;
export const INT64 = 7;

/** What an ONNX file has and may not have. The message says what was found. */
export class OnnxError extends Error {
  override name = "OnnxError";
}

/**
 * The inputs and outputs of an ONNX file, after checking all of its nodes and tensors, those of nested graphs too.
 * @throws OnnxError
 */
export function readOutline(file: Uint8Array): ModelOutline {
  // onnxruntime takes such a file for its own format, whatever else it is.
  if (String.fromCharCode(...file.subarray(4, 8)) === "ORTM")
    throw new OnnxError("it is in onnxruntime's own format, not in ONNX");
  try {
    return readModel(file, { fields: MOST_FIELDS });
  } catch (error) {
    if (error instanceof ProtobufError) throw new OnnxError(`it is damaged: ${error.message}`);
    throw error;
  }
}

/** Bounds the time of reading. A generator of three stages has some ten thousand fields. */
const MOST_FIELDS = 2_000_000;
/** Graphs in graphs. */
const MOST_DEPTH = 8;

function readModel(file: Uint8Array, budget: Budget): ModelOutline {
  let outline: ModelOutline | undefined;
  let standard = false;
  for (const field of fieldsOf(file, budget)) {
    if (field.number === 7) {
      if (outline) throw new OnnxError("it has two graphs");
      outline = readGraph(messageOf(field), budget, 0);
    } else if (field.number === 8) {
      readOpset(messageOf(field), budget);
      standard = true;
    } else if (field.number === 20) throw new OnnxError("it has training information");
    else if (field.number === 25) throw new OnnxError("it has functions of its own");
    else if (!MODEL_FIELDS.has(field.number))
      throw new OnnxError(`its model has the unknown field ${field.number}`);
  }
  if (!outline) throw new OnnxError("it has no graph");
  if (!standard) throw new OnnxError("it names no operator set");
  return outline;
}

/** ir_version, producer_name, producer_version, domain, model_version, doc_string, metadata_props. */
const MODEL_FIELDS = new Set([1, 2, 3, 4, 5, 6, 14]);

function readOpset(message: Uint8Array, budget: Budget): void {
  for (const field of fieldsOf(message, budget)) if (field.number === 1) requireStandard(textOf(field));
}

function readGraph(message: Uint8Array, budget: Budget, depth: number): ModelOutline {
  if (depth > MOST_DEPTH) throw new OnnxError("its graphs are nested too deeply");
  const outline: ModelOutline = { inputs: [], outputs: [] };
  for (const field of fieldsOf(message, budget)) {
    switch (field.number) {
      case 1:
        readNode(messageOf(field), budget, depth);
        break;
      case 5:
        readTensor(messageOf(field), budget);
        break;
      case 15:
        readSparseTensor(messageOf(field), budget);
        break;
      case 11:
        outline.inputs.push(readPort(messageOf(field), budget));
        break;
      case 12:
        outline.outputs.push(readPort(messageOf(field), budget));
        break;
      default:
        if (!GRAPH_FIELDS.has(field.number))
          throw new OnnxError(`its graph has the unknown field ${field.number}`);
    }
  }
  return outline;
}

/** name, doc_string, value_info, quantization_annotation, metadata_props. */
const GRAPH_FIELDS = new Set([2, 10, 13, 14, 16]);

function readNode(message: Uint8Array, budget: Budget, depth: number): void {
  for (const field of fieldsOf(message, budget)) {
    if (field.number === 4) {
      const operator = textOf(field);
      if (ENDLESS.has(operator))
        throw new OnnxError(`it has the operator ${shown(operator)}, which may not end`);
    } else if (field.number === 5) readAttribute(messageOf(field), budget, depth);
    else if (field.number === 7) requireStandard(textOf(field));
    else if (!NODE_FIELDS.has(field.number))
      throw new OnnxError(`a node of it has the unknown field ${field.number}`);
  }
}

/** input, output, name, doc_string, metadata_props; `overload` (8) selects a custom function. */
const NODE_FIELDS = new Set([1, 2, 3, 6, 9]);
const ENDLESS = new Set(["Loop"]);

function readAttribute(message: Uint8Array, budget: Budget, depth: number): void {
  for (const field of fieldsOf(message, budget)) {
    switch (field.number) {
      case 5:
      case 10:
        readTensor(messageOf(field), budget);
        break;
      case 22:
      case 23:
        readSparseTensor(messageOf(field), budget);
        break;
      case 6:
      case 11:
        readGraph(messageOf(field), budget, depth + 1);
        break;
      default:
        if (!ATTRIBUTE_FIELDS.has(field.number))
          throw new OnnxError(`an attribute of it has the unknown field ${field.number}`);
    }
  }
}

/** name, f, i, s, floats, ints, strings, doc_string, tp, type_protos, type; `ref_attr_name` (21) is for functions. */
const ATTRIBUTE_FIELDS = new Set([1, 2, 3, 4, 7, 8, 9, 13, 14, 15, 20]);

/** Bytes of an element in `raw_data`, by TensorProto.DataType. */
const ELEMENT_BYTES = new Map<number, number>([
  ...([
    [1, 4],
    [2, 1],
    [3, 1],
    [4, 2],
    [5, 2],
    [6, 4],
    [7, 8],
  ] as const),
  ...([
    [9, 1],
    [10, 2],
    [11, 8],
    [12, 4],
    [13, 8],
    [16, 2],
  ] as const),
]);

function readTensor(message: Uint8Array, budget: Budget): void {
  let elements = 1;
  let type = 0;
  let raw: number | undefined;
  let others = 0;
  for (const field of fieldsOf(message, budget)) {
    switch (field.number) {
      case 1:
        for (const dimension of varintsOf(field, budget)) {
          if (!(dimension >= 0)) throw new OnnxError(`a tensor of it has the dimension ${dimension}`);
          elements *= dimension;
        }
        break;
      case 2:
        type = field.value;
        break;
      case 9:
        raw = (raw ?? 0) + messageOf(field).length;
        break;
      // float_data, int32_data, int64_data, double_data, uint64_data: at least a byte for each element.
      case 4:
      case 5:
      case 7:
      case 10:
      case 11:
        others += field.kind === "bytes" ? field.bytes.length : 1;
        break;
      case 13:
        throw new OnnxError("it has external data");
      case 14:
        if (field.value !== 0) throw new OnnxError("it has external data");
        break;
      default:
        if (!TENSOR_FIELDS.has(field.number))
          throw new OnnxError(`a tensor of it has the unknown field ${field.number}`);
    }
  }
  const size = ELEMENT_BYTES.get(type);
  if (size === undefined) throw new OnnxError(`a tensor of it has the element type ${type}`);
  const fits = raw === undefined ? elements <= others : raw === elements * size && others === 0;
  if (!fits)
    throw new OnnxError(
      `a tensor of it has ${raw ?? others} bytes, which do not fit its ${elements} elements`,
    );
}

/** name, doc_string, metadata_props. Not string_data (6) and segment (3): no model needs them. */
const TENSOR_FIELDS = new Set([8, 12, 16]);

function readSparseTensor(message: Uint8Array, budget: Budget): never {
  // A small file may describe a huge tensor this way.
  for (const _ of fieldsOf(message, budget)) break;
  throw new OnnxError("it has sparse tensors");
}

function readPort(message: Uint8Array, budget: Budget): Port {
  const port: Port = { name: "", type: 0, shape: undefined };
  for (const field of fieldsOf(message, budget)) {
    if (field.number === 1) port.name = textOf(field);
    if (field.number !== 2) continue;
    for (const kind of fieldsOf(messageOf(field), budget)) {
      if (kind.number !== 1) continue;
      for (const part of fieldsOf(messageOf(kind), budget)) {
        if (part.number === 1) port.type = part.value;
        if (part.number === 2) port.shape = readShape(messageOf(part), budget);
      }
    }
  }
  return port;
}

function readShape(message: Uint8Array, budget: Budget): (number | undefined)[] {
  const shape: (number | undefined)[] = [];
  for (const dimension of fieldsOf(message, budget)) {
    if (dimension.number !== 1) continue;
    let fixed: number | undefined;
    for (const field of fieldsOf(messageOf(dimension), budget)) if (field.number === 1) fixed = field.value;
    shape.push(fixed);
  }
  return shape;
}

function requireStandard(domain: string): void {
  if (domain !== "" && domain !== "ai.onnx")
    throw new OnnxError(`it has custom operators, of the domain ${shown(domain)}`);
}

function messageOf({ kind, bytes, number }: Field): Uint8Array {
  if (kind !== "bytes") throw new ProtobufError(`the field ${number} is a ${kind}`);
  return bytes;
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 60));
}
