/** What layers and models have in common: parameters with PyTorch's names, modes, state. */
import { noGrad } from "../autograd.js";
import { call } from "../dispatch.js";
import type { DType, MemoryFormat } from "../dtype.js";
import { isFloating } from "../dtype.js";
import { keep, scope } from "../scope.js";
import { isTensor, type Tensor } from "../tensor.js";

/** Something that turns one tensor into another. */
export interface Layer extends Module {
  forward(input: Tensor): Tensor;
}

/**
 * A part of a network. Fields that are modules, or arrays of modules, are its children, named by their fields;
 * tensors are registered with `parameter` and `buffer` under the names that PyTorch's `state_dict` has.
 */
export abstract class Module {
  /** Whether it behaves as in training (batch statistics, dropout) or as in evaluation. */
  training = true;
  #parameters = new Map<string, Tensor>();
  #buffers = new Map<string, Tensor>();

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

  /** Children by name; those in an array are `field.0`, `field.1`, … */
  *namedChildren(): IterableIterator<[string, Module]> {
    for (const [field, value] of Object.entries(this)) {
      if (value instanceof Module) yield [field, value];
      else if (Array.isArray(value)) {
        for (const [i, item] of value.entries()) if (item instanceof Module) yield [`${field}.${i}`, item];
      }
    }
  }

  /** This module and all below it. */
  *modules(): IterableIterator<Module> {
    yield this;
    for (const [, child] of this.namedChildren()) yield* child.modules();
  }

  *namedParameters(prefix = ""): IterableIterator<[string, Tensor]> {
    for (const [name, tensor] of this.#parameters) yield [prefix + name, tensor];
    for (const [name, child] of this.namedChildren()) yield* child.namedParameters(`${prefix}${name}.`);
  }

  *namedBuffers(prefix = ""): IterableIterator<[string, Tensor]> {
    for (const [name, tensor] of this.#buffers) yield [prefix + name, tensor];
    for (const [name, child] of this.namedChildren()) yield* child.namedBuffers(`${prefix}${name}.`);
  }

  parameters(): Tensor[] {
    return Array.from(this.namedParameters(), ([, tensor]) => tensor);
  }

  /** Every parameter and buffer by its full name, as PyTorch's `state_dict`; the tensors themselves, not copies. */
  stateDict(): Map<string, Tensor> {
    return new Map([...this.namedParameters(), ...this.namedBuffers()]);
  }

  /** Copies values in by name. Throws, changing nothing, when a name is missing, left over, or of another shape. */
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

  requiresGrad(value: boolean): this {
    for (const parameter of this.parameters()) parameter.requiresGrad = value;
    return this;
  }

  /**
   * Moves parameters and buffers to a dtype (floating ones only), a device or a memory format (those of convolutions
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
      for (const tensor of [...this.#parameters.values(), ...this.#buffers.values()]) {
        const target = {
          ...(dtype && isFloating(tensor.dtype) && { dtype }),
          ...(device && { device }),
          ...(memoryFormat && tensor.dim === 4 && { memoryFormat }),
        };
        tensor.grad = null;
        // The same tensor with other data, so that whoever holds it (fields, optimizers) still does.
        scope(() => void call("set_data", tensor, tensor.detach().to(target)));
      }
    });
  }

  /** Number of trained values. */
  get parameterCount(): number {
    return this.parameters().reduce((sum, tensor) => sum + tensor.numel, 0);
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
