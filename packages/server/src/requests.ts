/** The bodies of requests: what is read, and how it is refused. */
import { visible } from "@sdgan/core";
import { z } from "zod";
import { ApiError } from "./errors.js";
import type { Limits } from "./limits.js";

type RequestLimits = Pick<Limits, "images" | "prompt">;

/** The body of `POST /v1/images/generations`, as the OpenAI API has it, with `seed` and `stages`. */
export function openAiRequest(limits: RequestLimits) {
  const { prompt, model, size, seed } = fields(limits);
  const ignored = z.string().max(64).nullish();
  return z.strictObject({
    prompt: prompt.meta({ description: "What the images show." }),
    model: model.nullish().meta({ description: "A name from /v1/models; by default the first." }),
    n: z.int().min(1).max(limits.images).nullish().meta({ description: "Number of images, by default 1." }),
    size: size
      .nullish()
      .meta({ description: "One of the model's sizes, such as 64x64; auto for the largest." }),
    response_format: z
      .literal("b64_json", { error: '"url" and others are not supported; expected "b64_json"' })
      .nullish(),
    output_format: z.literal("png").nullish(),
    stream: z.literal(false, { error: "streaming is not supported; expected false" }).nullish(),
    seed: seed.nullish().meta({ description: "Determines the noise; by default another in each request." }),
    stages: z.boolean().nullish().meta({ description: "Also returns the images of the earlier stages." }),
    user: z.string().max(512).nullish().meta({ description: "Is ignored." }),
    ...{ quality: ignored, style: ignored, background: ignored, moderation: ignored },
    output_compression: z.number().nullish(),
  });
}

/** The body of `POST /api/generate`: an image for each seed, or for each place on the way between two images. */
export function generateRequest(limits: RequestLimits) {
  const { prompt, model, size, seed } = fields(limits);
  const end = z.strictObject({ prompt, seed: seed.default(0) });
  const seeds = z.array(seed).min(1).max(limits.images);
  const places = z.array(z.number().min(0).max(1)).min(1).max(limits.images);
  const asked = z.boolean().default(false);
  return z
    .strictObject({
      model: model.optional(),
      prompt: prompt.optional(),
      seeds: seeds.default([0]).meta({ description: "An image for each." }),
      between: z.strictObject({ from: end, to: end, at: places }).optional(),
      size: size.optional(),
      stages: asked,
      attention: asked.meta({ description: "How much each place attends to each word; for one image." }),
      modulation: asked.meta({
        description: "The strength of SCBN's γ_c and β_c (shift) at each place; for one image.",
      }),
    })
    .refine(({ prompt, between }) => (prompt === undefined) !== (between === undefined), {
      ...{ path: ["prompt"], error: "expected prompt or between, one of them" },
    })
    .refine(
      ({ attention, modulation, seeds, between }) =>
        !(attention || modulation) || (seeds.length === 1 && !between),
      {
        ...{
          path: ["attention"],
          error: "attention and modulation are returned for one image; expected one seed",
        },
      },
    );
}

function fields({ prompt }: RequestLimits) {
  return {
    prompt: z.string().min(1).max(prompt),
    model: z.string().max(200),
    size: z.string().max(20),
    seed: z.int().min(0),
  };
}

/**
 * Reads a request's body.
 * @throws ApiError 400 that names the first field that is wrong
 */
export function parsed<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const { data, error } = schema.safeParse(body);
  if (!error) return data as z.output<Schema>;
  const [{ path, message, ...issue }] = error.issues as [z.core.$ZodIssue];
  const keys = issue.code === "unrecognized_keys" ? issue.keys : undefined;
  const param = [...path, ...(keys?.slice(0, 1) ?? [])].map(String).join(".").slice(0, 100);
  const problem = keys
    ? "is not a parameter of this request"
    : message.charAt(0).toLowerCase() + message.slice(1, 300);
  throw new ApiError(
    400,
    param ? `${visible(param)}: ${visible(problem)}.` : `The body: ${visible(problem)}.`,
    {
      ...{ code: "invalid_request", param: param || undefined },
    },
  );
}
