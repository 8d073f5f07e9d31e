/** Everything that JavaScript can call in this package, as targets for wrong calls. */
import * as torch from "../../index.js";
import { native } from "../../native.js";
import { operators } from "./operators.js";
import { OwnError, type Values } from "./values.js";

export interface Target {
  name: string;
  /** A text that every error of it must contain. */
  operator?: string;
  call: (values: Values) => unknown;
}

/** Functions that change the process, or write files to any path. */
const leftOut = new Set([
  "saveSafetensors",
  "setThreads",
  "setMkldnn",
  "keepMemory",
  "setTensorClass",
  "libtorchInfo",
  "config",
  "parallelInfo",
]);

type Callable = (...values: unknown[]) => unknown;

export function targets(): Target[] {
  return [
    ...tensorMethods(),
    ...functionsOf("functional", torch.functional),
    ...functionsOf("torch", torch as unknown as Record<string, unknown>),
    ...functionsOf("init", torch.nn.init),
    ...functionsOf("native", native as unknown as Record<string, unknown>, true),
    ...operators.map((name) => ({
      name: `call("${name}")`,
      operator: name.includes("::") ? name : `aten::${name}`,
      call: (values: Values) => torch.call(name, ...values.arguments(argumentsOf(name))),
    })),
    ...layers(),
    ...others(),
  ];
}

const counts = new Map<string, number>();

/** The largest number of arguments of an operator. */
function argumentsOf(name: string): number {
  let count = counts.get(name);
  if (count === undefined) {
    const signature = torch.schema(name);
    const inside = signature.slice(signature.indexOf("(") + 1, signature.lastIndexOf(") ->"));
    count = inside === "" ? 0 : inside.split(", ").filter((part) => part !== "*").length;
    counts.set(name, count);
  }
  return count;
}

function functionsOf(owner: string, functions: object, wrongThis = false): Target[] {
  return Object.entries(functions)
    .filter(([name, value]) => typeof value === "function" && !isClass(value) && !leftOut.has(name))
    .map(([name, fn]) => ({
      name: `${owner}.${name}`,
      call: (values: Values) => {
        const receiver = wrongThis && values.chance(0.3) ? values.any() : functions;
        return (fn as Callable).apply(receiver, values.arguments(Math.max(2, (fn as Callable).length)));
      },
    }));
}

function isClass(value: unknown): boolean {
  return /^class\b/.test(String(value)) || value === native.Tensor;
}

/** Methods, getters and setters, sometimes called on a value that is not a tensor. */
function tensorMethods(): Target[] {
  return [...prototypes()]
    .flatMap((prototype) => Object.entries(Object.getOwnPropertyDescriptors(prototype)))
    .filter(([name]) => name !== "constructor")
    .map(([name, { value, get, set }]) => ({
      name: `Tensor.${name}`,
      call: (values: Values) => {
        const method = value ?? (set && values.chance(0.5) ? set : get);
        const given = values.arguments(Math.max(2, method.length));
        if (values.chance(0.85)) return method.apply(values.tensor(), given);
        try {
          return method.apply(values.strange(), given);
        } catch (error) {
          // JavaScript's error for a missing method is not this package's.
          throw error instanceof TypeError ? new OwnError(error.message) : error;
        }
      },
    }));
}

/** Of `Tensor` and of the classes that it is built on. */
function* prototypes(): IterableIterator<object> {
  let prototype: object = torch.Tensor.prototype;
  for (; prototype !== native.Tensor.prototype; prototype = Object.getPrototypeOf(prototype)) yield prototype;
}

/** Layers with wrong sizes, and correct layers with wrong inputs. */
function layers(): Target[] {
  const { nn } = torch;
  const good = [
    new nn.Linear(3, 2),
    new nn.Conv2d(3, 2, 3, { padding: 1 }),
    new nn.BatchNorm2d(3),
    new nn.Embedding(4, 2, 0),
    new nn.Dropout(0.5),
    new nn.BidirectionalLstm(4, 2),
    new nn.Sequential(new nn.Linear(3, 3), new nn.BatchNorm1d(3)),
    new nn.ConvTranspose2d(3, 2, 3, { stride: 2 }),
    new nn.LayerNorm(3),
    new nn.GroupNorm(1, 3),
    new nn.MaxPool2d(2),
    new nn.AvgPool2d(2),
    new nn.AdaptiveAvgPool2d(2),
  ];
  const classes = { ...nn } as unknown as Record<string, new (...values: unknown[]) => unknown>;
  const names = [
    "Linear",
    "Conv2d",
    "BatchNorm2d",
    "Embedding",
    "Dropout",
    "BidirectionalLstm",
    "Sequential",
    "ConvTranspose2d",
    "LayerNorm",
    "GroupNorm",
    "MaxPool2d",
    "AvgPool2d",
    "AdaptiveAvgPool2d",
  ];
  return [
    ...names.map((name) => ({
      name: `new nn.${name}`,
      call: (values: Values) => new classes[name]!(...values.arguments(3)),
    })),
    ...good.flatMap((layer) =>
      ["forward", "loadStateDict", "stateDict"].map((method) => ({
        name: `${layer.constructor.name}.${method}`,
        call: (values: Values) => {
          const given =
            method === "forward" && values.chance(0.5)
              ? [values.tensor(), values.integers()]
              : values.arguments(2);
          return (layer as unknown as Record<string, Callable>)[method]!(...given);
        },
      })),
    ),
  ];
}

function others(): Target[] {
  const { Generator, nn, optim } = torch;
  const generator = Generator.seeded(1);
  const weights = new nn.Linear(3, 2);
  const adam = new optim.Adam(weights.namedParameters());
  const sgd = new optim.SGD(new nn.Linear(3, 2).parameters(), { momentum: 0.9 });
  const schedule = new optim.lrScheduler.LinearLR(sgd);
  return [
    {
      name: "Generator.seeded",
      call: (values) => Generator.seeded(...(values.arguments(2) as [number, string])),
    },
    { name: "Generator.default", call: (values) => Generator.default(values.any() as string) },
    {
      name: "Generator.state",
      call: (values) => {
        generator.state = values.any() as torch.Tensor;
      },
    },
    { name: "Adam.step", call: (values) => adam.step(values.any() as torch.Tensor[]) },
    { name: "Adam.step, two", call: (values) => adam.step([values.tensor(), values.any() as torch.Tensor]) },
    {
      name: "Adam.loadStateDict",
      call: (values) => adam.loadStateDict(...(values.arguments(2) as [Map<string, torch.Tensor>, number])),
    },
    {
      name: "clipGradNorm",
      call: (values) => optim.clipGradNorm(...(values.arguments(2) as [torch.Tensor[], number])),
    },
    { name: "SGD.step", call: (values) => sgd.step(values.any() as torch.Tensor[]) },
    { name: "SGD.step, two", call: (values) => sgd.step([values.tensor(), values.any() as torch.Tensor]) },
    {
      name: "SGD.loadStateDict",
      call: (values) => sgd.loadStateDict(...(values.arguments(2) as [Map<string, torch.Tensor>, number])),
    },
    {
      name: "new SGD",
      call: (values) => new optim.SGD(...(values.arguments(2) as [torch.Tensor[], object])),
    },
    { name: "LinearLR.loadStateDict", call: (values) => schedule.loadStateDict(values.any() as never) },
    { name: "index", call: (values) => values.tensor().index(values.any() as never, values.any() as never) },
    {
      name: "indexPut_",
      call: (values) => values.tensor().indexPut_([values.any() as never], values.any() as torch.Tensor),
    },
    { name: "call", call: (values) => torch.call(values.any() as string, ...values.arguments(2)) },
    {
      name: "native.setTensorClass",
      call: (values) => {
        try {
          native.setTensorClass(values.any() as new () => object);
          return torch.ones([1]);
        } finally {
          native.setTensorClass(torch.Tensor);
        }
      },
    },
  ];
}
