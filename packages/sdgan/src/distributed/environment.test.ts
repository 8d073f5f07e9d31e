import { describe, expect, it } from "vitest";
import { placementOf, timeoutOf } from "./environment.js";
import { firstHost } from "./slurm-hosts.js";

const torchrun = { RANK: "3", LOCAL_RANK: "1", WORLD_SIZE: "4", MASTER_ADDR: "node1", MASTER_PORT: "29500" };
const slurm = {
  ...{ SLURM_PROCID: "5", SLURM_NTASKS: "8", SLURM_LOCALID: "1", SLURM_STEP_ID: "0" },
  ...{ SLURM_JOB_NODELIST: "node[07-10]", SLURM_JOB_ID: "123456" },
};

describe("the place among several processes", () => {
  it("is absent without a launcher, and with a single process", () => {
    expect(placementOf({})).toBeUndefined();
    expect(placementOf({ PATH: "/bin", WORLD_SIZE: "1", RANK: "0" })).toBeUndefined();
    expect(placementOf({ ...slurm, SLURM_NTASKS: "1", SLURM_PROCID: "0" })).toBeUndefined();
  });

  it("is torchrun's", () => {
    const placement = { rank: 3, worldSize: 4, localRank: 1, host: "node1", port: 29500 };
    expect(placementOf(torchrun)).toEqual(placement);
    expect(placementOf({ ...torchrun, TORCHELASTIC_USE_AGENT_STORE: "False" })).toEqual(placement);
  });

  it("uses another port where torchrun's agent listens on MASTER_PORT", () => {
    expect(placementOf({ ...torchrun, TORCHELASTIC_USE_AGENT_STORE: "True" })?.port).toBe(29501);
    expect(
      placementOf({ ...torchrun, TORCHELASTIC_USE_AGENT_STORE: "True", MASTER_PORT: "65535" })?.port,
    ).toBe(65534);
  });

  it("is that of a PyTorchJob in Kubernetes, which sets no LOCAL_RANK", () => {
    const { LOCAL_RANK, ...job } = { ...torchrun, MASTER_ADDR: "train-master-0" };
    expect(placementOf(job)).toEqual({
      ...{ rank: 3, worldSize: 4, localRank: 0 },
      ...{ host: "train-master-0", port: 29500 },
    });
  });

  it("is that of a task of srun", () => {
    expect(placementOf(slurm)).toEqual({
      ...{ rank: 5, worldSize: 8, localRank: 1, host: "node07" },
      port: 20_000 + (123_456 % 10_000),
    });
    const ofStep = { ...slurm, SLURM_STEP_NUM_TASKS: "6", SLURM_STEP_NODELIST: "node09" };
    expect(placementOf(ofStep)).toMatchObject({ worldSize: 6, host: "node09" });
    expect(placementOf({ ...slurm, SLURM_STEP_ID: "1" })?.port).toBe(20_000 + 3456 + 101);
    expect(placementOf({ ...slurm, MASTER_ADDR: "10.0.0.1", MASTER_PORT: "999" })).toMatchObject({
      ...{ host: "10.0.0.1", port: 999 },
    });
  });

  it("is absent in a batch script and in an interactive shell of Slurm, which are one process", () => {
    const { SLURM_STEP_ID, ...script } = { ...slurm, SLURM_PROCID: "0" };
    expect(placementOf(script)).toBeUndefined();
    expect(placementOf({ ...script, SLURM_STEP_ID: "4294967290" })).toBeUndefined();
    expect(placementOf({ ...script, SLURM_STEP_ID: "4294967291" })).toBeUndefined();
  });

  it("is torchrun's in a job of Slurm", () => {
    expect(placementOf({ ...slurm, ...torchrun })).toMatchObject({ rank: 3, worldSize: 4, host: "node1" });
  });

  it.each([
    [{ WORLD_SIZE: "2" }, "the environment variable RANK is not set"],
    [{ ...torchrun, RANK: "4" }, 'RANK is "4": expected a whole number from 0 to 3'],
    [{ ...torchrun, WORLD_SIZE: "two" }, 'WORLD_SIZE is "two": expected a whole number of at least 1'],
    [
      { ...torchrun, MASTER_PORT: "70000" },
      'MASTER_PORT is "70000": expected a whole number from 1 to 65535',
    ],
    [{ ...torchrun, MASTER_ADDR: " " }, "MASTER_ADDR is not set"],
    [{ ...slurm, SLURM_JOB_NODELIST: "[" }, 'SLURM_JOB_NODELIST is "[": expected a list of hosts'],
  ])("is refused for %j", (environment, message) => {
    expect(() => placementOf(environment)).toThrow(message);
  });
});

it.each([
  ["node1", "node1"],
  ["node[08-11,20],gpu3", "node08"],
  ["gpu3,node[08-11]", "gpu3"],
  ["rack[0-1]n[2,3].cluster", "rack0n2.cluster"],
  ["a-b-c[1]", "a-b-c1"],
])("the first host of %s is %s", (list, host) => expect(firstHost("LIST", list)).toBe(host));

it("the timeout is a minute, or SDGAN_TIMEOUT in seconds", () => {
  expect(timeoutOf({})).toBe(60_000);
  expect(timeoutOf({ SDGAN_TIMEOUT: "2.5" })).toBe(2500);
  for (const SDGAN_TIMEOUT of ["0", "-1", "soon", "1e9"])
    expect(() => timeoutOf({ SDGAN_TIMEOUT })).toThrow(
      `SDGAN_TIMEOUT is "${SDGAN_TIMEOUT}": expected seconds`,
    );
});
