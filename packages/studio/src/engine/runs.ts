/** Trainings: their curves, samples and warnings, from a server or from a run's folder on this machine. */
import { EngineError } from "./engine.js";
import { ask, authorization, type Connection } from "./server.js";

/** A line of `metrics.jsonl`: the step, and values by name. */
export type MetricsRow = { step: number } & Record<string, number | null>;

export interface RunSummary {
  id: string;
  /** `running`, `finished` or `stopped`; undefined if that is not known. */
  state?: "running" | "finished" | "stopped" | undefined;
  step?: number | undefined;
}

export interface Run extends RunSummary {
  steps?: number | undefined;
  secondsLeft?: number | undefined;
  /** Bytes. */
  memory?: number | undefined;
  metrics: MetricsRow[];
  samples: { step: number; url: string }[];
  warnings: string[];
}

/** Where the page finds runs. */
export interface RunSource {
  /** Whether its runs can change. */
  live: boolean;
  list(): Promise<RunSummary[]>;
  read(id: string): Promise<Run>;
  /** An address of a sample's image that an `img` element can show. */
  image(url: string): Promise<string>;
  /** How to start, stop and resume trainings; undefined where that is not allowed. */
  control?: RunControl | undefined;
}

export interface StartRequest {
  task: "damsm" | "gan";
  config: string;
  data: string;
  run: string;
  minutes?: number;
}

export interface RunControl {
  start(request: StartRequest): Promise<void>;
  stop(id: string): Promise<void>;
  resume(id: string): Promise<void>;
}

/** The runs of a server. */
export async function serverRuns(server: Connection): Promise<RunSource> {
  const { allowTraining } = await ask(server, "api/runs");
  const post = async (path: string, body: unknown) => {
    await ask(server, path, { body });
  };
  const at = (id: string) => `api/runs/${encodeURIComponent(id)}`;
  /** Rows that were read, by run: the server is asked for the following ones only. */
  const known = new Map<string, MetricsRow[]>();
  const images = new Map<string, string>();
  return {
    live: true,
    async list() {
      const { runs } = await ask(server, "api/runs");
      return Array.isArray(runs) ? runs.map(summaryOf) : [];
    },
    async read(id) {
      let metrics = known.get(id) ?? [];
      let run: Record<string, unknown>;
      let rows: MetricsRow[];
      // The server sends long runs in parts.
      do {
        run = await ask(server, `${at(id)}?since=${metrics.at(-1)?.step ?? 0}`);
        rows = Array.isArray(run.metrics) ? run.metrics : [];
        if (rows.length > 0) metrics = [...metrics, ...rows];
      } while (rows.length >= MANY);
      known.set(id, metrics);
      const samples = Array.isArray(run.samples) ? run.samples.map(Object) : [];
      return {
        ...summaryOf(run),
        steps: numberOf(run.steps),
        secondsLeft: numberOf(run.secondsLeft),
        memory: numberOf(run.memory),
        step: numberOf(run.step) ?? metrics.at(-1)?.step,
        metrics,
        samples: samples.map(({ step, url }) => ({
          step: Number(step),
          url: new URL(String(url), server.base).href,
        })),
        warnings: Array.isArray(run.warnings) ? run.warnings.map(String) : [],
      };
    },
    async image(url) {
      // Elements send no keys.
      if (!server.key()) return url;
      const kept = images.get(url);
      if (kept) return kept;
      const response = await fetch(url, { headers: authorization(server) });
      if (!response.ok) throw new EngineError(`${url}: the server answers with status ${response.status}.`);
      const made = URL.createObjectURL(await response.blob());
      images.set(url, made);
      return made;
    },
    control: allowTraining
      ? {
          start: (request) => post("api/runs", request),
          stop: (id) => post(`${at(id)}/stop`, {}),
          resume: (id) => post(`${at(id)}/resume`, {}),
        }
      : undefined,
  };
}

/** An answer with as many rows may not have all. */
const MANY = 1000;

function summaryOf(run: Record<string, unknown>): RunSummary {
  const { id, state, step } = Object(run);
  const known = ["running", "finished", "stopped"].includes(state);
  return { id: String(id), state: known ? state : undefined, step: numberOf(step) };
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

/**
 * The runs in a folder that was chosen in this browser: each folder with a `metrics.jsonl` is one.
 * @param files with their paths in `webkitRelativePath`
 */
export function folderRuns(files: readonly File[]): RunSource {
  const pathOf = (file: File) => file.webkitRelativePath || file.name;
  const folders = files
    .filter((file) => /(^|\/)metrics\.jsonl$/.test(pathOf(file)))
    .map((file) => ({ metrics: file, folder: pathOf(file).replace(/\/?metrics\.jsonl$/, "") }))
    .sort((a, b) => (a.folder < b.folder ? -1 : 1));
  const urls = new Map<File, string>();
  return {
    live: false,
    image: async (url) => url,
    list: async () => folders.map(({ folder }) => ({ id: folder })),
    async read(id) {
      const found = folders.find(({ folder }) => folder === id);
      if (!found) throw new EngineError(`${id}: has no metrics.jsonl.`, "file.missing");
      const metrics = parseMetrics(await found.metrics.text());
      const prefix = id === "" ? "" : `${id}/`;
      const samples = files.flatMap((file) => {
        const path = pathOf(file);
        const step =
          path.startsWith(prefix) && /^samples\/step-(\d+)\.png$/.exec(path.slice(prefix.length))?.[1];
        if (!step) return [];
        const url = urls.get(file) ?? URL.createObjectURL(file);
        urls.set(file, url);
        return [{ step: Number(step), url }];
      });
      samples.sort((a, b) => a.step - b.step);
      return { id, metrics, samples, warnings: [], step: metrics.at(-1)?.step };
    },
  };
}

/** The rows of a `metrics.jsonl`. A last line that is being written is left out. */
export function parseMetrics(text: string): MetricsRow[] {
  return text.split("\n").flatMap((line) => {
    try {
      const row: unknown = JSON.parse(line);
      return typeof Object(row).step === "number" ? [row as MetricsRow] : [];
    } catch {
      return [];
    }
  });
}

/** A curve: values over steps, without the steps that do not have it. */
export interface Curve {
  name: string;
  steps: number[];
  values: number[];
}

/**
 * Curves by group: the first part of their names, or the first two if that are many. Sums of losses are larger than
 * their terms; they are groups of their own, and come first. So are curves beside which the others would look flat.
 */
export function curvesOf(rows: readonly MetricsRow[]): Map<string, Curve[]> {
  const curves = new Map<string, Curve>();
  for (const { step, ...values } of rows)
    for (const [name, value] of Object.entries(values)) {
      if (typeof value !== "number" || !Number.isFinite(value)) continue;
      const curve = curves.get(name) ?? { name, steps: [], values: [] };
      curves.set(name, curve);
      curve.steps.push(step);
      curve.values.push(value);
    }
  const groups = grouped([...curves.values()], (name) => groupOf(name, 1));
  for (const [group, members] of [...groups])
    if (members.length > MOST_CURVES && !group.endsWith(SUM)) {
      groups.delete(group);
      for (const [part, some] of grouped(members, (name) => groupOf(name, 2))) groups.set(part, some);
    }
  for (const [group, members] of [...groups])
    for (const curve of tooLarge(members)) {
      groups.set(
        group,
        groups.get(group)!.filter((other) => other !== curve),
      );
      groups.set(curve.name, [curve]);
    }
  const isSum = ([group]: [string, Curve[]]) => (group.endsWith(SUM) ? 0 : 1);
  return new Map([...groups].sort((a, b) => isSum(a) - isSum(b)));
}

/** The curves whose largest value is many times that of most others. */
function tooLarge(curves: readonly Curve[]): Curve[] {
  const sizeOf = ({ values }: Curve) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const middle = curves.map(sizeOf).sort((a, b) => a - b)[Math.floor(curves.length / 2)] ?? 0;
  return middle > 0 ? curves.filter((curve) => sizeOf(curve) > MANY_TIMES * middle) : [];
}

const MANY_TIMES = 20;

/** Curves that a chart can show and a reader tell apart. */
const MOST_CURVES = 8;

const SUM = " (sum)";

/** `a/b/c` → `a` or `a/b`, and `a (sum)` for `a/b/sum`. Names without parts are in the group `other`. */
function groupOf(name: string, depth: number): string {
  const parts = name.split("/");
  if (parts.length < 2) return "other";
  if (parts.at(-1) === "sum") return parts[0] + SUM;
  return parts.slice(0, Math.min(depth, parts.length - 1)).join("/");
}

function grouped(curves: readonly Curve[], keyOf: (name: string) => string): Map<string, Curve[]> {
  const groups = new Map<string, Curve[]>();
  for (const curve of curves) {
    const key = keyOf(curve.name);
    groups.set(key, [...(groups.get(key) ?? []), curve]);
  }
  return groups;
}
