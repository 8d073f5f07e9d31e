export { type Ignored, ignoredLines, UserError } from "@sdgan/core";
export { type Canvas, GeneratedImage, type PlaceMap, StageImage, type WordAttention } from "./image.js";
export type { LoadProgress } from "./model-files.js";
export type { Pipeline, PipelineOptions } from "./pipeline.js";
export type { Device } from "./runtime.js";
export type { Endpoint, GenerateOptions, ImageRequest, TextToImage } from "./text-to-image.js";
