/** Whether a file name has an extension of an image format that sharp reads. */
export function isImage(name: string): boolean {
  return /\.(jpe?g|png|webp|gif|avif|tiff?|svg)$/i.test(name);
}
