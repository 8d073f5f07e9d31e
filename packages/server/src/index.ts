/** Serves exported models over HTTP. */
export { ExportedRuns } from "./exported-runs.js";
export { type Keys, readKeys } from "./keys.js";
export { defaultLimits, type Limits } from "./limits.js";
export type { RunFolders } from "./runs.js";
export { type RunningServer, type ServerOptions, startServer } from "./server.js";
export type { TrainingOptions } from "./trainings.js";
