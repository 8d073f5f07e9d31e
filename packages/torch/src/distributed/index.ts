/** Process groups: collective operations between the processes that train one network, by libtorch's c10d. */
export { ProcessGroupError } from "./error.js";
export { initProcessGroup, type ProcessGroupOptions, type StoreOptions } from "./init.js";
export type { Gathering, ProcessGroup, Reduction, Work } from "./process-group.js";
