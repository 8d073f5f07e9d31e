/** Whether a file's name ends as pictures' names do that sharp reads. */
export function isPicture(name: string): boolean {
  return /\.(jpe?g|png|webp|gif|avif|tiff?|svg)$/i.test(name);
}
