/** The OpenAPI document of the server. */
import { z } from "zod";
import type { Limits } from "./limits.js";
import { generateRequest, openAiRequest } from "./requests.js";
import { trainingRequest } from "./trainings.js";

/**
 * @param keyed whether the server asks for a key
 * @param training whether it allows clients to start trainings
 */
export function openApiDocument(
  limits: Limits,
  { keyed, training }: { keyed: boolean; training: boolean },
): object {
  return {
    openapi: "3.1.0",
    info: {
      title: "sdgan",
      version: "1",
      description: "Images from prompts. The images endpoint is that of the OpenAI API.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    ...(keyed && { security: [{ key: [] }] }),
    components: {
      ...(keyed && { securitySchemes: { key: { type: "http", scheme: "bearer" } } }),
      schemas: { Error: errorSchema, OpenAiImages: openAiImages, GeneratedImages: generatedImages },
    },
    paths: {
      "/v1/images/generations": {
        post: operation("Generates images, as in the OpenAI API", openAiRequest(limits), "OpenAiImages"),
      },
      "/api/generate": {
        post: operation(
          "Generates images, with what is known about them",
          generateRequest(limits),
          "GeneratedImages",
        ),
      },
      "/v1/models": { get: reading("The models") },
      "/v1/models/{id}": { get: reading("A model", ["id"]) },
      "/api/runs": {
        get: reading("The trainings"),
        ...(training && { post: command("Starts a training", [], trainingRequest) }),
      },
      ...(training && {
        "/api/runs/{id}/stop": { post: command("Stops a training, with its state saved", ["id"]) },
        "/api/runs/{id}/resume": { post: command("Continues a training", ["id"]) },
        "/api/runs/{id}/gan": {
          post: command("Trains the GAN of a run, after DAMSM, whose id this is", ["id"]),
        },
        "/api/runs/{id}/serve": {
          post: reading("Generates images with the model of a run from now on", ["id"]),
        },
        "/api/data": { get: reading("Prepared folders, for trainings") },
      }),
      "/api/runs/{id}": { get: reading("Metrics and samples of a training", ["id"], ["since"]) },
      "/api/runs/{id}/samples/{step}": { get: reading("The samples after a step", ["id", "step"]) },
      "/healthz": { get: reading("Whether the server runs") },
      "/readyz": { get: reading("Whether the server takes requests") },
      "/metrics": { get: reading("Metrics for Prometheus") },
    },
  };
}

const errorSchema = {
  type: "object",
  properties: {
    error: {
      type: "object",
      properties: {
        ...{ message: { type: "string" }, type: { type: "string" }, code: { type: "string" } },
        param: { type: ["string", "null"] },
      },
    },
  },
};

const base64 = { type: "string", contentEncoding: "base64", contentMediaType: "image/png" };
const whole = { type: "integer" };
const openAiImages = images(
  {
    b64_json: base64,
    ...{ seed: whole, number: whole },
    stages: { type: "array", items: { type: "object", properties: { size: whole, b64_json: base64 } } },
  },
  "data",
  { created: whole, output_format: { const: "png" } },
);
const numbers = { type: "array", items: { type: "number" } };
const words = { type: "array", items: { type: "string" } };
/** A map for each SCBN layer. */
const maps = { type: "array", items: { type: "object", properties: { size: whole, values: numbers } } };
const generatedImages = images(
  {
    ...{ png: base64, prompt: { type: "string" }, seed: whole, number: whole, size: whole },
    ignored: { type: "object", properties: { unknown: words, beyond: words, lost: words } },
    stages: { type: "array", items: { type: "object", properties: { size: whole, png: base64 } } },
    attention: {
      type: "array",
      items: {
        type: "object",
        properties: {
          size: whole,
          words: {
            type: "array",
            items: { type: "object", properties: { word: { type: "string" }, weights: numbers } },
          },
        },
      },
    },
    modulation: maps,
    shift: maps,
  },
  "images",
  { model: { type: "string" } },
);

function images(properties: object, name: string, more: object): object {
  const items = { type: "object", properties };
  return { type: "object", properties: { ...more, [name]: { type: "array", items } } };
}

function operation(summary: string, body: z.ZodType, answer: string): object {
  const schema = z.toJSONSchema(body, { io: "input" });
  return {
    summary,
    requestBody: { required: true, content: { "application/json": { schema } } },
    responses: {
      "200": {
        description: "The images",
        content: { "application/json": { schema: { $ref: `#/components/schemas/${answer}` } } },
      },
      ...refusals(["400", "401", "404", "429", "503"]),
    },
  };
}

const text = { type: "string" };
/** The training that was started has an id. */
const begun = {
  "application/json": { schema: { type: "object", properties: { status: text, id: text } } },
};

/** What is begun, and goes on after the answer. */
function command(summary: string, path: readonly string[], body?: z.ZodType): object {
  return {
    ...{
      summary,
      parameters: path.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } })),
    },
    ...(body && {
      requestBody: {
        required: true,
        content: { "application/json": { schema: z.toJSONSchema(body, { io: "input" }) } },
      },
    }),
    responses: {
      "202": { description: "It is begun", content: begun },
      ...refusals(["400", "401", "404", "409"]),
    },
  };
}

function reading(summary: string, path: readonly string[] = [], query: readonly string[] = []): object {
  const parameter = (name: string, place: string) => ({
    ...{ name, in: place, required: place === "path", schema: { type: "string" } },
  });
  return {
    summary,
    parameters: [
      ...path.map((name) => parameter(name, "path")),
      ...query.map((name) => parameter(name, "query")),
    ],
    responses: { "200": { description: summary }, ...refusals(path.length > 0 ? ["401", "404"] : ["401"]) },
  };
}

function refusals(statuses: readonly string[]): object {
  const content = { "application/json": { schema: { $ref: "#/components/schemas/Error" } } };
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      {
        description: REASONS[status],
        content,
        ...(["429", "503"].includes(status) && {
          headers: { "Retry-After": { schema: { type: "integer" }, description: "Seconds" } },
        }),
      },
    ]),
  );
}

const REASONS: Record<string, string> = {
  "400": "The request is wrong",
  "401": "The key is missing or wrong",
  "404": "There is no such thing",
  "409": "The state of the run does not allow it",
  "429": "Too many requests of this key",
  "503": "The server has too much to do, or is stopping",
};
