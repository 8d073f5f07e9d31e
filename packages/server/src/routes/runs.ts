/** `/api/runs`: trainings to watch. */
import { createReadStream } from "node:fs";
import { resolve } from "node:path";
import { quote } from "@sdgan/core";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { ApiError } from "../errors.js";
import { preparedFolders } from "../prepared-folders.js";
import { parsed } from "../requests.js";
import type { RunServing } from "../run-serving.js";
import { isUsed, nextStep } from "../run-steps.js";
import type { Runs } from "../runs.js";
import { type Trainings, trainingRequest } from "../trainings.js";

const query = z.object({ since: z.coerce.number().int().min(0).default(0) });

/** @param control undefined where clients may not start, stop or resume trainings */
export function addRunRoutes(
  app: FastifyInstance,
  runs: Runs,
  { trainings, serving }: { trainings?: Trainings | undefined; serving?: RunServing | undefined } = {},
): void {
  const all = () => runs.list(trainings?.folders());
  const folderOf = async (id: string) => {
    const found = (await all()).get(id);
    if (found !== undefined) return found;
    throw new ApiError(404, `There is no run ${quote(id)}. GET /api/runs lists the runs.`, {
      code: "not_found",
    });
  };

  const started = async (folder: string) => {
    const [id] = [...(await all())].find(([, each]) => resolve(each) === folder)!;
    return { status: "started", id };
  };

  app.get("/api/runs", async () => {
    const found = await all();
    const about = async ([id, folder]: [string, string]) => {
      const status = await trainings?.status(folder);
      return { id, ...(status && { state: status.state, step: status.step }) };
    };
    return { runs: await Promise.all([...found].map(about)), allowTraining: trainings !== undefined };
  });

  if (trainings && serving) {
    app.get("/api/data", async () => ({ data: await preparedFolders() }));
    app.post("/api/runs", async (request, reply) => {
      const folder = await trainings.start(parsed(trainingRequest, request.body));
      return reply.code(202).send(await started(folder));
    });
    app.post<{ Params: { id: string } }>("/api/runs/:id/stop", async ({ params: { id } }, reply) => {
      trainings.stop(await folderOf(id));
      return reply.code(202).send({ status: "stopping" });
    });
    app.post<{ Params: { id: string } }>("/api/runs/:id/resume", async ({ params: { id } }, reply) => {
      const folder = await trainings.resume(await folderOf(id));
      return reply.code(202).send(await started(folder));
    });
    app.post<{ Params: { id: string } }>("/api/runs/:id/serve", async ({ params: { id } }, reply) => {
      const model = await serving.serve(await folderOf(id));
      return model === undefined ? reply.code(202).send({ status: "exporting" }) : { model };
    });
    app.post<{ Params: { id: string } }>("/api/runs/:id/gan", async ({ params: { id } }, reply) => {
      const folder = await trainings.trainGan(await folderOf(id));
      return reply.code(202).send(await started(folder));
    });
  }

  app.get<{ Params: { id: string } }>("/api/runs/:id", async ({ params: { id }, query: asked }) => {
    const { since } = parsed(query, asked);
    const folder = await folderOf(id);
    const { metrics, more, samples } = await runs.read(folder, since);
    const status = await trainings?.status(folder);
    const path = `/api/runs/${encodeURIComponent(id)}/samples`;
    return {
      ...{ id, step: metrics.at(-1)?.step, steps: runs.damsmSteps(folder), warnings: [] },
      ...{ ...status, metrics, more },
      // Folders of this machine are for those who may use them.
      ...(trainings && { folder, next: await nextStep(folder), canResume: !(await isUsed(folder)) }),
      samples: samples.map((step) => ({ step, url: `${path}/${step}` })),
    };
  });

  app.get<{ Params: { id: string; step: string } }>("/api/runs/:id/samples/:step", async (request, reply) => {
    const { id, step } = request.params;
    const file = /^\d{1,7}$/.test(step) ? await runs.sample(await folderOf(id), Number(step)) : undefined;
    if (file === undefined)
      throw new ApiError(404, `The run ${quote(id)} has no samples of step ${quote(step)}.`, {
        code: "not_found",
      });
    return reply.type("image/png").send(createReadStream(file));
  });
}
