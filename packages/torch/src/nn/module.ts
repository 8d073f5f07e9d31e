/** The base class of layers and models: parameters with PyTorch's names, modes, state. */
import { inspect } from "node:util";
import { noGrad } from "../autograd.js";
import { call } from "../dispatch.js";
import type { DType, MemoryFormat } from "../dtype.js";
import { isFloating } from "../dtype.js";
import { keep, scope } from "../scope.js";
import { isTensor, type Tensor } from "../tensor.js";

/** A module that maps one tensor to another. */
export interface Layer extends Module {
  forward(input: Tensor): Tensor;
}

/**
 * A part of a network. Fields that are modules, or arrays of modules, are its children, named by their fields;
 * tensors are registered with `parameter` and `buffer` under the names that PyTorch's `state_dict` has.
 *
 * JavaScript hides `#private` fields even from base classes: a module in such a field is a child only if it is
 * registered, as in `readonly #conv = this.child("conv", new Conv2d(3, 8, 3))`. The same applies to modules in maps and
 * plain objects. `console.log(network)` shows all children.
 */
export abstract class Module {
  /** Whether it behaves as in training (batch statistics, dropout) or as in evaluation. */
  training = true;
  #parameters = new Map<string, Tensor>();
  #buffers = new Map<string, Tensor>();
  #constants: Tensor[] = [];
  #children = new Map<string, Module>();

  /** Registers a tensor to be trained. */
  protected parameter(name: string, tensor: Tensor): Tensor {
    tensor.requiresGrad = true;
    this.#parameters.set(name, keep(tensor));
    return tensor;
  }

  /** Registers a tensor that is saved but not trained. */
  protected buffer(name: string, tensor: Tensor): Tensor {
    this.#buffers.set(name, keep(tensor));
    return tensor;
  }

  /** Registers a tensor that is neither trained nor saved, like PyTorch's non-persistent buffers: `to` moves it. */
  protected constant(tensor: Tensor): Tensor {
    this.#constants.push(keep(tensor));
    return tensor;
  }

  /** Registers a child that is not in a public field, like PyTorch's `register_module`. Returns it. */
  protected child<Child extends Module>(name: string, module: Child): Child {
    if (!(module instanceof Module))
      throw new TypeError(`child: expected a module for "${name}", found ${typeof module}`);
    const other = this.#children.get(name);
    if (other && other !== module) throw new Error(`child: "${name}" is another module already`);
    this.#children.set(name, module);
    return module;
  }

  /**
   * Children by name: those in fields, in the order of the fields, then those that `child` registered; those in an array
   * are `field.0`, `field.1`, …. A module with two names is listed twice.
   * Throws if a field and a different registered child have the same name.
   */
  *namedChildren(): IterableIterator<[string, Module]> {
    const registered = new Map(this.#children);
    for (const [field, value] of Object.entries(this)) {
      if (value instanceof Module) {
        if ((registered.get(field) ?? value) !== value)
          throw new Error(`"${field}" is the name of a field and of another registered child`);
        registered.delete(field);
        yield [field, value];
      } else if (Array.isArray(value)) {
        for (const [i, item] of value.entries()) if (item instanceof Module) yield [`${field}.${i}`, item];
      }
    }
    yield* registered;
  }

  /** This module and all its descendants by full name, each once, under its first name. */
  *namedModules(prefix = ""): IterableIterator<[string, Module]> {
    const seen = new Set<Module>();
    for (const [name, module] of this.#everyModule()) {
      if (seen.has(module)) continue;
      seen.add(module);
      yield [prefix + name, module];
    }
  }

  /** This module and all its descendants, each once. */
  *modules(): IterableIterator<Module> {
    for (const [, module] of this.namedModules()) yield module;
  }

  /** Each trained tensor once, under its first name: a tensor that two layers share is one parameter. */
  namedParameters(prefix = ""): IterableIterator<[string, Tensor]> {
    return once(this.#everyTensor("parameters", prefix));
  }

  /** Each buffer once, under its first name. */
  namedBuffers(prefix = ""): IterableIterator<[string, Tensor]> {
    return once(this.#everyTensor("buffers", prefix));
  }

  parameters(): Tensor[] {
    return Array.from(this.namedParameters(), ([, tensor]) => tensor);
  }

  /**
   * Every parameter and buffer by its full name, like PyTorch's `state_dict`; the tensors themselves, not copies. A tensor
   * with two names is listed under both.
   */
  stateDict(): Map<string, Tensor> {
    return new Map([...this.#everyTensor("parameters", ""), ...this.#everyTensor("buffers", "")]);
  }

  /** This module and all its descendants under all their names. Throws if a module contains itself. */
  *#everyModule(prefix = "", above: readonly Module[] = []): IterableIterator<[string, Module]> {
    if (above.includes(this))
      throw new Error(
        `"${prefix}" is a module that contains itself; store it in a private field, #${prefix.split(".").at(-1)}`,
      );
    yield [prefix, this];
    for (const [name, child] of this.namedChildren())
      yield* child.#everyModule(prefix === "" ? name : `${prefix}.${name}`, [...above, this]);
  }

  /** Every parameter or buffer under all its names. */
  *#everyTensor(kind: "parameters" | "buffers", prefix: string): IterableIterator<[string, Tensor]> {
    for (const [path, module] of this.#everyModule()) {
      const own = kind === "parameters" ? module.#parameters : module.#buffers;
      for (const [name, tensor] of own) yield [`${prefix}${path === "" ? "" : `${path}.`}${name}`, tensor];
    }
  }

  /** Copies values in by name. Throws without changes if a name is missing, unknown, or has another shape. */
  loadStateDict(state: ReadonlyMap<string, Tensor>): void {
    if (!(state instanceof Map)) throw new TypeError("loadStateDict: expected a Map from names to tensors");
    const own = this.stateDict();
    const problems: string[] = [];
    for (const [name, tensor] of own) {
      const value = state.get(name);
      if (!isTensor(value)) problems.push(`${name} is missing`);
      else if (value.shape.join() !== tensor.shape.join()) {
        problems.push(`${name} has shape [${value.shape.join(", ")}], expected [${tensor.shape.join(", ")}]`);
      }
    }
    for (const name of state.keys())
      if (!own.has(name)) problems.push(`${name} is not one of this network's`);
    if (problems.length > 0) {
      const more = problems.length > 4 ? ` and ${problems.length - 4} more` : "";
      throw new Error(`state does not fit the network: ${problems.slice(0, 4).join("; ")}${more}`);
    }
    noGrad(() => {
      for (const [name, tensor] of own) tensor.copy_(state.get(name)!);
    });
  }

  /** Switches to training behaviour; `train(false)` to evaluation. */
  train(mode = true): this {
    for (const module of this.modules()) module.training = mode;
    return this;
  }

  /** Switches to evaluation behaviour. */
  eval(): this {
    return this.train(false);
  }

  /** Sets the `grad` of every parameter to null, before the next `backward` adds to it. */
  zeroGrad(): void {
    for (const parameter of this.parameters()) parameter.grad = null;
  }

  requiresGrad(value: boolean): this {
    for (const parameter of this.parameters()) parameter.requiresGrad = value;
    return this;
  }

  /**
   * Moves parameters, buffers and constants to a dtype (floating ones only), a device or a memory format (those of convolutions
   * only), in place. Convolutions whose weights are channels-last give channels-last results.
   */
  to(target: { dtype?: DType; device?: string; memoryFormat?: MemoryFormat }): this {
    for (const module of this.modules()) module.#move(target);
    return this;
  }

  #move({
    dtype,
    device,
    memoryFormat,
  }: {
    dtype?: DType;
    device?: string;
    memoryFormat?: MemoryFormat;
  }): void {
    noGrad(() => {
      for (const tensor of [...this.#parameters.values(), ...this.#buffers.values(), ...this.#constants]) {
        const target = {
          ...(dtype && isFloating(tensor.dtype) && { dtype }),
          ...(device && { device }),
          ...(memoryFormat && tensor.dim === 4 && { memoryFormat }),
        };
        tensor.grad = null;
        // The same tensor object with other data, so that references to it (fields, optimizers) stay valid.
        scope(() => void call("set_data", tensor, tensor.detach().to(target)));
      }
    });
  }

  /** Number of trained values. */
  get parameterCount(): number {
    return this.parameters().reduce((sum, tensor) => sum + tensor.numel, 0);
  }

  /** For `console.log`: the class, its own tensors and its children, as PyTorch prints modules. */
  [inspect.custom](depth: number): string {
    return this.#printed(depth < 0, []);
  }

  #printed(isShort: boolean, above: readonly Module[]): string {
    const tensors = [...this.#parameters, ...this.#buffers].map(
      ([name, tensor]) => `${name}: ${String(tensor).replace(/^Tensor /, "")}`,
    );
    const children = above.includes(this) ? [] : [...this.namedChildren()];
    const open = `${this.constructor.name}(${tensors.join(", ")}`;
    if (children.length === 0 || isShort) return `${open}${children.length > 0 ? "…" : ""})`;
    const lines = children.map(([name, child]) => `(${name}): ${child.#printed(false, [...above, this])}`);
    return `${open}\n  ${lines.join("\n").replaceAll("\n", "\n  ")}\n)`;
  }
}

/** Each tensor under its first name. */
function* once(named: Iterable<[string, Tensor]>): IterableIterator<[string, Tensor]> {
  const seen = new Set<Tensor>();
  for (const [name, tensor] of named) {
    if (seen.has(tensor)) continue;
    seen.add(tensor);
    yield [name, tensor];
  }
}

/** Layers one after another. */
export class Sequential extends Module {
  constructor(...layers: Layer[]) {
    super();
    for (const [i, layer] of layers.entries()) (this as unknown as Record<string, Layer>)[String(i)] = layer;
  }

  forward(input: Tensor): Tensor {
    let output = input;
    for (const [, layer] of this.namedChildren()) output = (layer as Layer).forward(output);
    return output;
  }
}

/** A function as a layer, without parameters: `new Lambda(relu)`. */
export class Lambda extends Module {
  constructor(readonly forward: (input: Tensor) => Tensor) {
    super();
  }
}
