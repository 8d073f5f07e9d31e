/** Two machines as network namespaces of this one, connected through a third that is the switch between them. */
import { spawnSync } from "node:child_process";

export class Hosts implements Disposable {
  readonly names: readonly [string, string];
  readonly address = "10.97.0.1";
  readonly #switch: string;

  /** @throws Error with what the system refused */
  constructor() {
    const prefix = `sdgan-${process.pid}`;
    this.names = [`${prefix}-a`, `${prefix}-b`];
    this.#switch = `${prefix}-switch`;
    try {
      for (const name of [...this.names, this.#switch]) ip("netns", "add", name);
      ip("-n", this.#switch, "link", "add", "name", "bridge0", "type", "bridge");
      ip("-n", this.#switch, "link", "set", "bridge0", "up");
      for (const [i, name] of this.names.entries()) {
        const peer = ["type", "veth", "peer", "name", `port${i}`, "netns", this.#switch];
        ip("link", "add", "eth0", "netns", name, ...peer);
        this.#plug(i);
        ip("-n", this.#switch, "link", "set", `port${i}`, "up");
        ip("-n", name, "addr", "add", `10.97.0.${i + 1}/24`, "dev", "eth0");
        for (const device of ["lo", "eth0"]) ip("-n", name, "link", "set", device, "up");
      }
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** The command that runs a program on host `rank`. */
  readonly within = (rank: number): string[] => ["ip", "netns", "exec", this.names[rank]!];

  /** Cuts the network: the host's own interface goes down, or only the switch no longer passes anything on. */
  cut(host: 0 | 1, how: "interface" | "switch"): void {
    if (how === "interface") ip("-n", this.names[host], "link", "set", "eth0", "down");
    else ip("-n", this.#switch, "link", "set", `port${host}`, "nomaster");
  }

  mend(host: 0 | 1): void {
    ip("-n", this.names[host], "link", "set", "eth0", "up");
    this.#plug(host);
  }

  #plug(host: number): void {
    ip("-n", this.#switch, "link", "set", `port${host}`, "master", "bridge0");
  }

  [Symbol.dispose](): void {
    for (const name of [...this.names, this.#switch]) spawnSync("ip", ["netns", "delete", name]);
  }
}

/** @throws Error */
function ip(...args: string[]): void {
  const { status, stderr, error } = spawnSync("ip", args, { encoding: "utf8" });
  if (status === 0) return;
  throw new Error(`ip ${args.join(" ")}: ${error ? error.message : stderr.trim().split("\n").at(-1)}`);
}
