// Two processes average a tensor. Each is started with its rank: RANK=0 node distributed.mjs, RANK=1 node distributed.mjs
import { tensor } from "@sdgan/torch";
import { initProcessGroup } from "@sdgan/torch/distributed";

const group = await initProcessGroup({
  rank: Number(process.env.RANK),
  worldSize: 2,
  store: { kind: "tcp", host: "127.0.0.1", port: Number(process.env.MASTER_PORT ?? 29_500) },
  timeoutMs: 20_000, // for the meeting, and for each operation
});
const gradient = tensor([1, 2, 3]).mul(group.rank); // [0, 0, 0] and [1, 2, 3]
const work = group.allReduce(gradient, { op: "avg" }); // starts; compute something else meanwhile
work.wait();
console.log(`rank ${group.rank}: ${gradient.toNumbers()}`);
group.close();
