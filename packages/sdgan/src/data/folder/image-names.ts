/** Whether a file's name ends as images' names do that sharp reads. */
export function isImage(name: string): boolean {
  return /\.(jpe?g|png|webp|gif|avif|tiff?|svg)$/i.test(name);
}
