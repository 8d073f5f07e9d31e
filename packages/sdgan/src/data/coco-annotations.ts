import { quote, UserError } from "@sdgan/core";
import { type DataFolder, insidePath } from "./data-folder.js";

export interface AnnotatedImage {
  fileName: string;
  /** In the order of the list; may be empty. */
  captions: string[];
}

/**
 * Reads one of COCO's lists of captions:
 *
 *     {"images": [{"id", "file_name", …}], "annotations": [{"image_id", "caption", …}]}
 *
 * It is parsed as a whole: the largest, `captions_train2017.json` with 91 MB, temporarily takes about 500 MB.
 * Throws a `UserError` that names the broken entry.
 */
export function readAnnotations(folder: DataFolder, path: string): AnnotatedImage[] {
  const refuse = (problem: string): never => {
    throw new UserError(
      `${folder.at(path)}: ${problem}; expected COCO's list of captions. Download it again.`,
      { code: "data.invalid" },
    );
  };
  let content: unknown;
  try {
    content = JSON.parse(folder.readTextList(path));
  } catch (error) {
    if (error instanceof UserError) throw error;
    return refuse("is not JSON, or is truncated");
  }
  const { images: listed, annotations } = fieldsOf(content);
  if (!Array.isArray(listed)) return refuse('has no list "images"');
  if (!Array.isArray(annotations)) return refuse('has no list "annotations"');
  const images = new Map<unknown, AnnotatedImage>();
  const names = new Set<string>();
  for (const [index, image] of listed.entries()) {
    const { id, file_name: name } = fieldsOf(image);
    const fileName = typeof name === "string" ? insidePath(name) : undefined;
    if (typeof id !== "number" || fileName === undefined) {
      return refuse(`images[${index}] has no number "id", or no "file_name" inside the folder`);
    }
    if (images.has(id)) return refuse(`images[${index}] repeats the id ${id}`);
    if (names.has(fileName)) return refuse(`images[${index}] repeats the file ${quote(fileName)}`);
    names.add(fileName);
    images.set(id, { fileName, captions: [] });
  }
  for (const [index, annotation] of annotations.entries()) {
    const { image_id: id, caption } = fieldsOf(annotation);
    if (typeof caption !== "string") return refuse(`annotations[${index}] has no text "caption"`);
    const image = images.get(id);
    if (!image) return refuse(`annotations[${index}] refers to an image that is not in "images"`);
    image.captions.push(caption);
  }
  if (images.size === 0) return refuse("lists no image");
  return [...images.values()];
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
