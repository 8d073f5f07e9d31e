import type { FastifyInstance } from "fastify";
import type { NamedModel } from "../service.js";
import type { RouteContext } from "./context.js";

/** `GET /v1/models` and `GET /v1/models/:id`, as the OpenAI API has them, with what the manifests say. */
export function addModelRoutes(app: FastifyInstance, { service }: RouteContext): void {
  const created = Math.floor(Date.now() / 1000);
  const about = ({ id, manifest, words }: NamedModel) => ({
    ...{ id, object: "model", created, owned_by: "sdgan" },
    ...{ description: manifest.description, license: manifest.license, sizes: manifest.sizes },
    ...{ tokenizer: manifest.tokenizer, training: manifest.training, words },
  });
  app.get("/v1/models", async () => ({ object: "list", data: [...service().models.values()].map(about) }));
  app.get<{ Params: { id: string } }>("/v1/models/:id", async ({ params }) =>
    about(service().model(params.id)),
  );
}
