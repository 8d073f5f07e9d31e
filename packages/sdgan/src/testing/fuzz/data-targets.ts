import sharp from "sharp";
import { coco } from "../../data/coco.js";
import { cub } from "../../data/cub.js";
import type { Source } from "../../data/dataset.js";
import { flowers } from "../../data/flowers.js";
import { folder } from "../../data/folder/index.js";
import { pickle, pickleAsText } from "../pickle.js";
import { tar, tarMember } from "../tar.js";

/** A small valid data set in one of the supported layouts. */
export interface DataTarget {
  name: string;
  /** Path in the folder → content. */
  files: Map<string, Buffer>;
  open(path: string): Source;
}

export async function dataTargets(): Promise<DataTarget[]> {
  const images = await smallImages();
  const [first, second] = [...images.values()] as [Buffer, Buffer];
  const target = (
    name: string,
    open: DataTarget["open"],
    files: Record<string, Buffer | string>,
  ): DataTarget => ({
    ...{ name, open },
    files: new Map(Object.entries(files).map(([path, content]) => [path, Buffer.from(content as string)])),
  });
  const jsonl = (rows: object[]) => rows.map((row) => JSON.stringify(row)).join("\n");
  const two = { "images/1.jpg": first, "images/2.png": second };
  const cubLists = {
    "CUB_200_2011/classes.txt": "1 001.A\r\n2 002.B\r\n",
    "CUB_200_2011/images.txt": "1 001.A/1.jpg\r\n2 002.B/2.jpg\r\n",
    "CUB_200_2011/image_class_labels.txt": "1 1\r\n2 2\r\n",
    "CUB_200_2011/bounding_boxes.txt": "1 3.0 2.0 20.0 16.0\r\n2 0.0 0.0 24.0 20.0\r\n",
    "CUB_200_2011/images/001.A/1.jpg": first,
    "CUB_200_2011/images/002.B/2.jpg": second,
    "text/001.A/1.txt": "a red bird\nall red\n",
    "text/002.B/2.txt": "a blue bird\nall blue\n",
  };
  const attngan = {
    "train/filenames.pickle": pickleAsText(["002.B/2"]),
    "test/filenames.pickle": pickleAsText(["001.A/1"]),
    "train/class_info.pickle": pickleAsText([2]),
    "test/class_info.pickle": pickleAsText([1]),
    "captions.pickle": pickle([
      [[1, 2]],
      [[1, 3]],
      wordOf(["<end>", "bird", "blue", "red"]),
      numberOf(["<end>", "bird", "blue", "red"]),
    ]),
  };
  const { "text/001.A/1.txt": _a, "text/002.B/2.txt": _b, ...withoutText } = cubLists;
  const annotations = (name: string) =>
    JSON.stringify({
      info: {},
      images: [{ id: 9, file_name: name, height: 20, width: 24 }],
      annotations: [{ id: 1, image_id: 9, caption: "a bird" }, { id: 2, image_id: 9, caption: "birds" }], // biome-ignore format: short
    });
  return [
    target("captions.jsonl", folder, {
      "captions.jsonl": jsonl([
        { image: "images/1.jpg", captions: ["a red bird", "red"], split: "train", class: "a" },
        { image: "images/2.png", caption: "a blue bird" },
      ]),
      ...two,
    }),
    target("metadata.jsonl", folder, {
      "train/metadata.jsonl": jsonl([{ file_name: "1.jpg", text: "a red bird" }]),
      "test/metadata.jsonl": jsonl([{ file_name: "2.jpg", text: ["a blue bird", "blue"], label: 3 }]),
      "train/1.jpg": first,
      "test/2.jpg": second,
    }),
    target("metadata.csv", folder, {
      "metadata.csv": 'file_name,text,label\nimages/1.jpg,"a ""red"", red bird",a\nimages/2.png,blue,b\n',
      ...two,
    }),
    target("a .txt beside", folder, {
      "1.jpg": first,
      "1.txt": "a red bird\n",
      "in/2.jpg": second,
      "in/2.txt": "blue",
    }),
    target("tar", folder, {
      "train-0.tar": tar(
        tarMember("1.jpg", first),
        tarMember("1.json", '{"caption": "a red bird"}'),
        tarMember("path", "25 path=long/name/2.jpg\n", { type: "x" }),
        tarMember("2.jpg", second),
        tarMember("long/name/2.txt", "a blue bird"),
      ),
    }),
    target("captions.json", folder, {
      "captions.json": JSON.stringify({
        "1.jpg": ["a red bird", "red"],
        "2.png": { caption: "blue", split: "val" },
      }),
      ...two,
    }),
    target("Flickr8k", folder, {
      "text/Flickr8k.token.txt": "1.jpg#0\ta red bird\n1.jpg#1\tred\n2.png#0\tblue\n",
      "text/Flickr_8k.trainImages.txt": "1.jpg\n",
      "text/Flickr_8k.devImages.txt": "2.png\n",
      ...two,
    }),
    target("cub as published", cub, cubLists),
    target("cub of AttnGAN", cub, { ...cubLists, ...attngan }),
    target("cub without texts", cub, { ...withoutText, ...attngan }),
    target("coco", coco, {
      "annotations/captions_train2014.json": annotations("COCO_train2014_000000000009.jpg"),
      "annotations/captions_val2014.json": annotations("COCO_val2014_000000000009.jpg"),
      "train2014/COCO_train2014_000000000009.jpg": first,
      "val2014/COCO_val2014_000000000009.jpg": second,
    }),
    target("flowers", flowers, {
      "jpg/image_00001.jpg": first,
      "jpg/image_00002.jpg": second,
      "text_c10/class_00001/image_00001.txt": "a red flower",
      "text_c10/class_00002/image_00002.txt": "a blue flower",
      "trainvalclasses.txt": "class_00001\n",
      "testclasses.txt": "class_00002\n",
    }),
    ...[...images].map(([name, image]) =>
      target(name, folder, { [`image.${name.split(" ")[0]}`]: image, "image.txt": "a bird" }),
    ),
  ];
}

/** One image per supported file format. */
async function smallImages(): Promise<Map<string, Buffer>> {
  const pixels = Buffer.from(Array.from({ length: 24 * 20 * 3 }, (_, i) => (i * 37) % 200));
  const image = () => sharp(pixels, { raw: { width: 24, height: 20, channels: 3 } });
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="24" height="20"><rect width="9" height="9" fill="red"/></svg>';
  return new Map([
    ["jpg", await image().jpeg().toBuffer()],
    ["png", await image().png().toBuffer()],
    [
      "jpg progressive",
      await image().jpeg({ progressive: true }).withMetadata({ orientation: 6 }).toBuffer(),
    ],
    ["jpg cmyk", await image().toColourspace("cmyk").jpeg().toBuffer()],
    ["png interlaced", await image().png({ progressive: true, palette: true }).toBuffer()],
    ["webp", await image().webp().toBuffer()],
    ["gif", await image().gif().toBuffer()],
    ["tiff", await image().tiff().toBuffer()],
    ["avif", await image().avif({ effort: 0 }).toBuffer()],
    ["svg", Buffer.from(svg)],
  ]);
}

function wordOf(words: string[]) {
  return new Map(words.map((word, number): [number, string] => [number, word]));
}

function numberOf(words: string[]) {
  return new Map(words.map((word, number): [string, number] => [word, number]));
}
