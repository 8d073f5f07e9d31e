/** `/api/runs`: trainings to watch. */
import { createReadStream } from "node:fs";
import { quote } from "@sdgan/core";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { ApiError } from "../errors.js";
import { parsed } from "../requests.js";
import type { Runs } from "../runs.js";

const query = z.object({ since: z.coerce.number().int().min(0).default(0) });

export function addRunRoutes(app: FastifyInstance, runs: Runs): void {
  const folderOf = async (id: string) => {
    const found = (await runs.list()).get(id);
    if (found !== undefined) return found;
    throw new ApiError(404, `There is no run ${quote(id)}. GET /api/runs lists the runs.`, {
      code: "not_found",
    });
  };

  app.get("/api/runs", async () => ({
    runs: [...(await runs.list()).keys()].map((id) => ({ id })),
    allowTraining: false,
  }));

  app.get<{ Params: { id: string } }>("/api/runs/:id", async ({ params: { id }, query: asked }) => {
    const { since } = parsed(query, asked);
    const { metrics, samples } = await runs.read(await folderOf(id), since);
    const path = `/api/runs/${encodeURIComponent(id)}/samples`;
    return {
      ...{ id, step: metrics.at(-1)?.step, metrics, warnings: [] },
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
