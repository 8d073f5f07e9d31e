"""The image steps of the published loader, StackGAN's and AttnGAN's `get_imgs`: open, convert to RGB, crop around the
box, scale to 76/64 of 256, random crop of 256, random flip, scale to the three stages' sizes. Prints the seconds.

    /usr/bin/python3 bench/rival/prepare.py IMAGES.json     [[path, [x, y, width, height]], …]
"""
import json
import random
import sys
import time

from PIL import Image

SIZES = (64, 128, 256)
SIZE = SIZES[-1]


def scaled(image, size):
    """Scales the shorter side to `size`, like torchvision's `Scale`."""
    width, height = image.size
    if width < height:
        return image.resize((size, int(size * height / width)), Image.BILINEAR)
    return image.resize((int(size * width / height), size), Image.BILINEAR)


def load(path, box):
    image = Image.open(path).convert("RGB")
    width, height = image.size
    r = int(max(box[2], box[3]) * 0.75)
    center_x = int((2 * box[0] + box[2]) / 2)
    center_y = int((2 * box[1] + box[3]) / 2)
    y1, y2 = max(0, center_y - r), min(height, center_y + r)
    x1, x2 = max(0, center_x - r), min(width, center_x + r)
    image = scaled(image.crop([x1, y1, x2, y2]), int(SIZE * 76 / 64))
    width, height = image.size
    left, top = random.randint(0, width - SIZE), random.randint(0, height - SIZE)
    image = image.crop((left, top, left + SIZE, top + SIZE))
    if random.random() < 0.5:
        image = image.transpose(Image.FLIP_LEFT_RIGHT)
    return [scaled(image, size) for size in SIZES[:-1]] + [image]


images = json.load(open(sys.argv[1]))
begin, cpu = time.perf_counter(), time.process_time()
for path, box in images:
    load(path, box)
print(json.dumps({"wall": time.perf_counter() - begin, "cpu": time.process_time() - cpu}))
