/** The endpoints that generate images. */
import { randomInt } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { clientSignal } from "../answers.js";
import type { ImageResult } from "../inference/messages.js";
import { generateRequest, openAiRequest, parsed } from "../requests.js";
import type { NamedModel } from "../service.js";
import type { RouteContext } from "./context.js";

/** `POST /v1/images/generations` and `POST /api/generate`. */
export function addImageRoutes(app: FastifyInstance, context: RouteContext): void {
  const { limits, metrics, outbox } = context;
  const openAi = openAiRequest(limits);
  const own = generateRequest(limits);
  // A full server refuses before it reads the body.
  const onRequest = async () => {
    context.service().scheduler.refuseIfFull();
    outbox.refuseIfFull();
  };
  const signalOf = (reply: FastifyReply) => clientSignal(reply, () => metrics.abandoned.inc());
  const answer = (request: FastifyRequest, reply: FastifyReply, text: string) => {
    outbox.watch(request, reply, text.length);
    return reply.type("application/json; charset=utf-8").send(text);
  };

  app.post("/v1/images/generations", { onRequest }, async (request, reply) => {
    const asked = parsed(openAi, request.body);
    const model = context.service().model(asked.model);
    const { prompt, n } = asked;
    const seed = asked.seed ?? randomInt(2 ** 31);
    note(request, context, model, [prompt]);
    const jobs = Array.from({ length: n ?? 1 }, (_, i) => ({ prompt, seed, number: i + 1 }));
    const outputs = { stages: asked.stages ?? false, attention: false, modulation: false };
    const images = await context
      .service()
      .generate(model, { ...outputs, jobs, size: asked.size }, signalOf(reply));
    const created = Math.floor(Date.now() / 1000);
    return answer(
      request,
      reply,
      JSON.stringify({ created, output_format: "png", data: images.map(openAiImage) }),
    );
  });

  app.post("/api/generate", { onRequest }, async (request, reply) => {
    const { between, prompt = "", seeds, ...asked } = parsed(own, request.body);
    const model = context.service().model(asked.model);
    note(request, context, model, between ? [between.from.prompt, between.to.prompt] : [prompt]);
    const jobs = between
      ? between.at.map((at) => ({ ...between.from, number: 1, at }))
      : seeds.map((seed) => ({ prompt, seed, number: 1 }));
    const images = await context
      .service()
      .generate(model, { ...asked, size: asked.size, jobs, between }, signalOf(reply));
    return answer(
      request,
      reply,
      `{"model":${JSON.stringify(model.id)},"images":[${images.map(ownImage).join()}]}`,
    );
  });
}

function openAiImage({ png, seed, number, stages }: ImageResult) {
  return {
    ...{ b64_json: png, seed, number },
    ...(stages && { stages: stages.map(({ size, png }) => ({ size, b64_json: png })) }),
  };
}

/** JSON, of texts that are JSON already: base64 needs no escapes. */
function ownImage({ png, stages, details }: ImageResult): string {
  const more = stages
    ? `"stages":[${stages.map(({ size, png }) => `{"size":${size},"png":"${png}"}`).join()}],`
    : "";
  return `{"png":"${png}",${more}${details.slice(1)}`;
}

/** For the log. */
function note(
  request: FastifyRequest,
  { logPrompts }: RouteContext,
  model: NamedModel,
  prompts: readonly string[],
): void {
  request.noted = { model: model.id, ...(logPrompts && { prompts }) };
}
