import { z } from "zod";
import { configSchema } from "./schema.js";

/** One key of the configuration, for documentation and for suggestions when a key is misspelt. */
export interface ConfigField {
  /** As in `--set`: "generator.width". */
  path: string;
  description: string;
  /** Absent for a section. */
  default?: unknown;
}

/** All keys, sections before their fields, in the order of the schema. */
export function configFields(): ConfigField[] {
  return fieldsOf(z.toJSONSchema(configSchema, { io: "input" }) as Node, "");
}

interface Node {
  description?: string;
  default?: unknown;
  properties?: Record<string, Node>;
}

function fieldsOf(node: Node, prefix: string): ConfigField[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
    const path = prefix + key;
    const { description = "" } = child;
    return child.properties
      ? [{ path, description }, ...fieldsOf(child, `${path}.`)]
      : [{ path, description, default: child.default }];
  });
}
