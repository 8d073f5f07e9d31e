import type { UserErrorCode } from "@sdgan/core";

/** Codes of the server's own refusals, beside those of `UserError`. */
export type ApiErrorCode =
  | UserErrorCode
  | "invalid_api_key"
  | "invalid_request"
  | "model_not_found"
  | "not_found"
  | "method_not_allowed"
  | "forbidden_host"
  | "forbidden_origin"
  | "rate_limit_exceeded"
  | "server_busy"
  | "server_stopping"
  | "timeout"
  | "server_error";

interface Details {
  code: ApiErrorCode;
  /** The parameter of the request that is refused. */
  param?: string | undefined;
  /** Seconds after which the same request may succeed. */
  retryAfter?: number;
}

/** A refusal, as the client gets it. */
export class ApiError extends Error {
  override name = "ApiError";
  readonly status: number;
  readonly code: ApiErrorCode;
  readonly param: string | undefined;
  readonly retryAfter: number | undefined;

  constructor(status: number, message: string, { code, param, retryAfter }: Details) {
    // Without a stack, whose collection takes a tenth of a refusal's time: a refusal is no fault of the program.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = stackTraceLimit;
    this.status = status;
    this.code = code;
    this.param = param;
    this.retryAfter = retryAfter;
  }

  /** The body in the shape of the OpenAI API. */
  get body() {
    return {
      error: {
        message: this.message,
        type: typeOf(this.status),
        param: this.param ?? null,
        code: this.code,
      },
    };
  }
}

/** The server has no place for a request now. */
export function busy(message: string, retryAfter: number): ApiError {
  return new ApiError(503, message, { code: "server_busy", retryAfter });
}

function typeOf(status: number): string {
  if (status === 401) return "authentication_error";
  if (status === 403) return "permission_error";
  if (status === 429) return "rate_limit_error";
  return status < 500 ? "invalid_request_error" : "server_error";
}
