/**
 * Whether this is the name of a file or folder that Windows or macOS add to folders and archives, such as
 * "._1.jpg", which has the attributes of "1.jpg".
 */
export function isClutter(name: string): boolean {
  return /^(\._.*|\.DS_Store|thumbs\.db|ehthumbs\.db|desktop\.ini|__MACOSX|icon\r)$/is.test(name);
}
