/** The addon's functions. The modules that call them give them precise types. */

/** An object of libtorch that JavaScript only holds. */
declare const opaque: unique symbol;
export interface NativeGenerator {
  [opaque]: "generator";
}

export interface NativeProcessGroup {
  [opaque]: "process group";
}
export interface NativeWork {
  [opaque]: "operation of a process group";
}

export interface NativeGpu {
  name: string;
  memory: number;
  capability: number[];
}

export interface Native {
  Tensor: new () => object;
  setTensorClass(subclass: new () => object): void;
  dispose(tensor: object): void;
  isDisposed(tensor: object): boolean;
  account(tensor: object): void;
  shape(tensor: object): number[];
  strides(tensor: object): number[];
  size(tensor: object, dim: number): number;
  dtype(tensor: object): string;
  device(tensor: object): string;
  requiresGrad(tensor: object): boolean;
  setRequiresGrad(tensor: object, value: boolean): void;
  isLeaf(tensor: object): boolean;
  gradient(tensor: object): object | null;
  setGradient(tensor: object, value: object | null): void;
  isContiguous(tensor: object, format: string): boolean;
  describe(tensor: object): string;
  item(tensor: object): number | boolean;
  fromBytes(bytes: Uint8Array, shape: readonly number[], dtype: string): object;
  readBytes(tensor: object, bytes: Uint8Array): void;
  byteLength(tensor: object): number;
  operator(name: string): number;
  schema(index: number): string;
  call(index: number, ...values: unknown[]): unknown;
  grad(
    outputs: readonly object[],
    inputs: readonly object[],
    gradOutputs: readonly (object | null)[] | null,
    retainGraph: boolean,
    createGraph: boolean,
    allowUnused: boolean,
  ): (object | null)[];
  gradEach(losses: readonly (() => { loss: object; inputs: readonly object[] })[]): object[][];
  backward(
    outputs: readonly object[],
    gradOutputs: readonly (object | null)[] | null,
    retainGraph: boolean,
    createGraph: boolean,
  ): void;
  withoutGrad<T>(fn: () => T): T;
  withGrad<T>(fn: () => T): T;
  inferenceMode<T>(fn: () => T): T;
  isGradEnabled(): boolean;
  generator(seed: number, device: string): NativeGenerator;
  defaultGenerator(device: string): NativeGenerator;
  getGeneratorState(generator: NativeGenerator): object;
  setGeneratorState(generator: NativeGenerator, state: object): void;
  manualSeed(seed: number): void;
  setThreads(threads: number): void;
  threads(): number;
  onProcessors<T>(processors: readonly number[], fn: () => T): T;
  keepMemory(): boolean;
  memoryInUse(): number;
  machineMemory(root: string): { total: number; left: number; limited: boolean };
  profile(fn: () => void): { operator: string; calls: number; total: number; own: number }[];
  synchronize(): void;
  version(): string;
  config(): string;
  parallelInfo(): string;
  hasCuda(): boolean;
  hasMkldnn(): boolean;
  setMkldnn(enabled: boolean): void;
  setTf32(allowed: boolean): void;
  setCudnnBenchmark(enabled: boolean): void;
  cudaDriver(): { version: number; gpus: (NativeGpu | null)[] } | null;
  /** This and the functions of process groups are missing if the addon was built without gloo's headers. */
  initProcessGroup?(
    backend: string,
    rank: number,
    worldSize: number,
    store: string,
    place: string,
    port: number,
    server: boolean,
    prefix: string,
    timeoutMs: number,
    callback: (group: NativeProcessGroup | null, stage: string, error: string, missing: number[]) => void,
  ): void;
  processGroupAllReduce(group: NativeProcessGroup, tensor: object, op: string): NativeWork;
  processGroupBroadcast(group: NativeProcessGroup, tensor: object, root: number): NativeWork;
  processGroupAllGather(group: NativeProcessGroup, outputs: readonly object[], tensor: object): NativeWork;
  processGroupBarrier(group: NativeProcessGroup): NativeWork;
  processGroupWait(work: NativeWork): [error: string, number: number, answers: string[] | null] | undefined;
  processGroupIsDone(work: NativeWork): boolean;
  /** The number by which operators find the group. */
  processGroupNumber(group: NativeProcessGroup): number;
  processGroupClose(group: NativeProcessGroup): void;
  hasNccl?: boolean;
}
