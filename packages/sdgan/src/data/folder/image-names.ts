/** Whether a file name has an extension of an image format that sharp reads. */
export function isImage(name: string): boolean {
  return IMAGES.has(extensionOf(name));
}

const IMAGES = new Set([
  "jpg",
  "jpeg",
  "jpe",
  "jfif",
  "pjpeg",
  "pjp",
  "png",
  "apng",
  "webp",
  "gif",
  "avif",
  "tif",
  "tiff",
  "svg",
]);

/**
 * Why a file with this name is not read although it may be an image, or contain images, and what to do:
 * "HEIC is not read: convert it to JPEG". Undefined for any other name.
 */
export function unreadFormat(name: string): string | undefined {
  return UNREAD.get(extensionOf(name));
}

/** In lower case; "" if there is none. */
function extensionOf(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot > name.lastIndexOf("/") ? name.slice(dot + 1).toLowerCase() : "";
}

const convert = (format: string, to: string) => `${format} is not read: convert it to ${to}`;
const unpack = (format: string) => `${format} is not read: unpack it`;

/** Extension → what `unreadFormat` returns. */
const UNREAD = new Map(
  [
    ["heic heif hif", convert("HEIC", "JPEG")],
    ["bmp dib", convert("BMP", "PNG")],
    ["jp2 j2k j2c jpf jpx jpm", convert("JPEG 2000", "PNG")],
    ["jxl", convert("JPEG XL", "PNG")],
    ["jxr wdp hdp", convert("JPEG XR", "PNG")],
    ["ico cur icns", convert("an icon file", "PNG")],
    ["tga icb vda vst", convert("TGA", "PNG")],
    ["psd psb", convert("Photoshop's format", "PNG")],
    ["xcf", convert("GIMP's format", "PNG")],
    ["ppm pgm pbm pnm pam pfm", convert("Netpbm", "PNG")],
    ["pcx dds qoi xbm xpm wbmp sgi rgb ras flif bpg exr hdr", convert("this image format", "PNG")],
    [
      "raw cr2 cr3 crw nef nrw arw srf sr2 dng orf rw2 raf pef rwl srw x3f erf kdc dcr mrw 3fr mef iiq",
      convert("a camera's raw format", "JPEG"),
    ],
    ["eps ai ps wmf emf cdr", convert("this vector format", "PNG or SVG")],
    ["svgz", convert("compressed SVG", "SVG")],
    ["pdf", convert("PDF", "PNG")],
    ["mp4 mov avi mkv webm m4v mpg mpeg wmv flv", "videos are not read: extract frames as JPEG"],
    ["zip", unpack("a zip file")],
    ["rar 7z", unpack("an archive of this kind")],
    ["tgz gz bz2 tbz xz txz zst", unpack("a compressed file")],
  ].flatMap(([extensions, reason]) =>
    extensions!.split(" ").map((extension): [string, string] => [extension, reason!]),
  ),
);
