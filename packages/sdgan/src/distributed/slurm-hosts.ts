import { UserError } from "@sdgan/core/basics";

/**
 * The first host of Slurm's list: "node[08-11,20],gpu3" → "node08", "rack[0-1]n[2,3]" → "rack0n2".
 *
 * @param name of the variable, for messages
 */
export function firstHost(name: string, list: string): string {
  const whole = /^(?:[^,[\]]|\[[^[\]]*\])+/.exec(list)?.[0] ?? "";
  const host = whole.replaceAll(/\[([^[\]]*)\]/g, (_, ranges: string) => /^[^,-]*/.exec(ranges)![0]);
  if (/^[\w.-]+$/.test(host)) return host;
  throw new UserError(
    `the environment variable ${name} is "${list}": expected a list of hosts, such as node[1-4]. Set MASTER_ADDR to the ` +
      "host of process 0 instead",
    { code: "usage" },
  );
}
