/** What tests of networks need: gradients checked against finite differences, and a GPU where there is none. */
export * from "./gradcheck.js";
export { type SimulatedCuda, simulateCuda } from "./simulated-cuda.js";
