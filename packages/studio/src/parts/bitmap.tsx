import { useLayoutEffect, useRef } from "preact/hooks";
import type { Bitmap } from "../engine/engine.js";

interface Props {
  /** Undefined while it is generated: the place stays. */
  bitmap: Bitmap | undefined;
  /** What the image shows, for readers of the screen; without it the image is decoration. */
  label?: string;
  class?: string;
}

/** A bitmap in a canvas, which the style sheet enlarges. */
export function BitmapCanvas({ bitmap, label, class: name = "" }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    if (!bitmap || !canvas.current) return;
    canvas.current.width = bitmap.size;
    canvas.current.height = bitmap.size;
    canvas.current.getContext("2d")!.putImageData(new ImageData(bitmap.rgba, bitmap.size, bitmap.size), 0, 0);
  }, [bitmap]);
  const semantics =
    label === undefined ? { "aria-hidden": true } : { role: "img" as const, "aria-label": label };
  return (
    <canvas
      ref={canvas}
      class={`bitmap ${name} ${bitmap ? "" : "empty"}`}
      width={bitmap?.size ?? 1}
      height={bitmap?.size ?? 1}
      {...semantics}
    />
  );
}
