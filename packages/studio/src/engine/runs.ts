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
  /** On the server's machine; known where trainings may be controlled. */
  folder?: string | undefined;
  /** What can follow: the GAN's training after that of DAMSM, images after the GAN's. */
  next?: "gan" | "images" | undefined;
  /** False for a DAMSM whose GAN has begun. */
  canResume?: boolean | undefined;
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

/** A prepared folder on the server's machine. */
export interface PreparedFolder {
  folder: string;
  /** What was prepared: "birds". */
  source: string;
  /** Training images. */
  images: number;
}

export interface RunControl {
  /** Folders that `start` may use. */
  data(): Promise<PreparedFolder[]>;
  /** Returns the run's id. */
  start(request: StartRequest): Promise<string>;
  /** Trains the GAN of a run whose DAMSM is trained; returns the run's id. */
  trainGan(id: string): Promise<string>;
  /** Makes the server generate images with a run's model; returns the model's name. */
  serve(id: string): Promise<string>;
  stop(id: string): Promise<void>;
  resume(id: string): Promise<void>;
}

/** The runs of a server. */
export async function serverRuns(server: Connection): Promise<RunSource> {
  const { allowTraining } = await ask(server, "api/runs");
  const post = async (path: string, body: unknown) => {
    await ask(server, path, { body });
  };
  const begin = async (path: string, body: unknown) => String((await ask(server, path, { body })).id);
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
      let run: Record<string, unknown> = {};
      let whole = false;
      // The server sends long runs in parts.
      while (!whole) {
        const last = metrics.at(-1)?.step ?? 0;
        // The last step again: an evaluation adds a line to it, some time after that of the losses.
        run = await ask(server, `${at(id)}?since=${Math.max(0, last - 1)}`);
        const rows: MetricsRow[] = Array.isArray(run.metrics) ? run.metrics : [];
        // A run without the step has been begun anew, or goes on from an earlier checkpoint.
        const anew = rows.length === 0 && last > 0;
        const earlier = metrics.filter(({ step }) => step < last);
        if (anew) metrics = [];
        else if (earlier.length + rows.length !== metrics.length || rows.at(-1)?.step !== last)
          metrics = [...earlier, ...rows];
        whole = !anew && run.more !== true;
      }
      known.set(id, metrics);
      const samples = Array.isArray(run.samples) ? run.samples.map(Object) : [];
      return {
        ...summaryOf(run),
        steps: numberOf(run.steps),
        secondsLeft: numberOf(run.secondsLeft),
        memory: numberOf(run.memory),
        step: numberOf(run.step) ?? metrics.at(-1)?.step,
        folder: typeof run.folder === "string" ? run.folder : undefined,
        canResume: run.canResume !== false,
        next: run.next === "gan" || run.next === "images" ? run.next : undefined,
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
          data: async () => {
            const { data } = await ask(server, "api/data");
            return Array.isArray(data) ? data : [];
          },
          start: (request) => begin("api/runs", request),
          trainGan: (id) => begin(`${at(id)}/gan`, {}),
          async serve(id) {
            // The server answers after some time, also without a model.
            for (;;) {
              const { model } = await ask(server, `${at(id)}/serve`, { body: {} });
              if (typeof model === "string") return model;
              await new Promise((resolve) => setTimeout(resolve, 200));
            }
          },
          stop: (id) => post(`${at(id)}/stop`, {}),
          resume: (id) => post(`${at(id)}/resume`, {}),
        }
      : undefined,
  };
}

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
