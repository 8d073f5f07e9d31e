/**
 * ONNX's file format: the messages of `onnx.proto` that a model needs, encoded by protobufjs. Field numbers are those of
 * ONNX (https://github.com/onnx/onnx, Apache-2.0), IR version 8.
 */
import protobuf from "protobufjs/light.js";
import type { DType } from "../dtype.js";
import { type AttributeValue, type Graph, type GraphValue, OPSET } from "./graph.js";

const IR_VERSION = 8;

/** `TensorProto.DataType` */
export const dataTypes: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
};

/** `AttributeProto.AttributeType` */
const attributeTypes = { float: 1, integer: 2, string: 3, integers: 7 };

/** The file of a model with this graph. `metadata` becomes the model's properties. */
export function encodeModel(
  graph: Graph,
  { name, metadata = {} }: { name: string; metadata?: Readonly<Record<string, string>> },
): Uint8Array {
  const model = {
    irVersion: IR_VERSION,
    producerName: "@sdgan/torch",
    opsetImport: [{ domain: "", version: OPSET }],
    metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    graph: {
      name,
      node: graph.nodes.map(({ type, inputs, outputs, attributes }) => ({
        opType: type,
        name: outputs[0],
        input: inputs,
        output: outputs,
        attribute: Object.entries(attributes).map(([key, value]) => ({ name: key, ...attribute(value) })),
      })),
      initializer: [...graph.initializers.values()].map(({ name, dtype, shape, bytes }) => ({
        name,
        dims: [...shape],
        dataType: dataTypes[dtype],
        rawData: bytes,
      })),
      input: graph.inputs.map(valueInfo),
      output: graph.outputs.map(valueInfo),
    },
  };
  return Model.encode(Model.create(model)).finish();
}

/** Reads the parts of a model that tests compare. */
export function decodeModel(file: Uint8Array): DecodedModel {
  return Model.toObject(Model.decode(file), { longs: Number, arrays: true }) as DecodedModel;
}

export interface DecodedModel {
  opsetImport: { version: number }[];
  metadataProps: { key: string; value: string }[];
  graph: {
    node: { opType: string; input: string[]; output: string[] }[];
    initializer: { name: string; dims: number[]; dataType: number }[];
  };
}

function attribute(value: AttributeValue): object {
  if (typeof value === "number") return { type: attributeTypes.integer, i: value };
  if (typeof value === "string") return { type: attributeTypes.string, s: Buffer.from(value) };
  if ("float" in value) return { type: attributeTypes.float, f: value.float };
  return { type: attributeTypes.integers, ints: [...value] };
}

function valueInfo({ name, dtype, shape }: GraphValue): object {
  const dim = shape.map((size) => (typeof size === "string" ? { dimParam: size } : { dimValue: size }));
  return { name, type: { tensorType: { elemType: dataTypes[dtype], shape: { dim } } } };
}

type Field = { type: string; id: number; rule?: "repeated" };

const one = (type: string, id: number): Field => ({ type, id });
const many = (type: string, id: number): Field => ({ type, id, rule: "repeated" });

const Model = protobuf.Root.fromJSON({
  nested: {
    Model: {
      fields: {
        irVersion: one("int64", 1),
        producerName: one("string", 2),
        graph: one("Graph", 7),
        opsetImport: many("OperatorSet", 8),
        metadataProps: many("Property", 14),
      },
    },
    OperatorSet: { fields: { domain: one("string", 1), version: one("int64", 2) } },
    Property: { fields: { key: one("string", 1), value: one("string", 2) } },
    Graph: {
      fields: {
        node: many("Node", 1),
        name: one("string", 2),
        initializer: many("Tensor", 5),
        input: many("ValueInfo", 11),
        output: many("ValueInfo", 12),
      },
    },
    Node: {
      fields: {
        input: many("string", 1),
        output: many("string", 2),
        name: one("string", 3),
        opType: one("string", 4),
        attribute: many("Attribute", 5),
      },
    },
    Attribute: {
      fields: {
        name: one("string", 1),
        f: one("float", 2),
        i: one("int64", 3),
        s: one("bytes", 4),
        ints: many("int64", 8),
        type: one("int32", 20),
      },
    },
    Tensor: {
      fields: {
        dims: many("int64", 1),
        dataType: one("int32", 2),
        name: one("string", 8),
        rawData: one("bytes", 9),
      },
    },
    ValueInfo: { fields: { name: one("string", 1), type: one("Type", 2) } },
    Type: { fields: { tensorType: one("TensorType", 1) } },
    TensorType: { fields: { elemType: one("int32", 1), shape: one("Shape", 2) } },
    Shape: { fields: { dim: many("Dimension", 1) } },
    Dimension: { fields: { dimValue: one("int64", 1), dimParam: one("string", 2) } },
  },
}).lookupType("Model");
