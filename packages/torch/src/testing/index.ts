/** Tools for tests of networks: gradients checked against finite differences, and a simulated GPU. */
export * from "./gradcheck.js";
export { type SimulatedCuda, simulateCuda } from "./simulated-cuda.js";
