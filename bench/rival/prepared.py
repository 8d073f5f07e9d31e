"""A prepared folder of sdgan as a PyTorch dataset of Siamese pairs, with the crops, flips and words of training."""

import json
import pathlib
import random

import numpy
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset, Sampler


class PreparedImages(Dataset):
    """Items are chosen by (image, y): that image, and with y = 1 again the same image, else another one."""

    def __init__(self, folder, config):
        folder = pathlib.Path(folder)
        index = json.loads((folder / "index.json").read_text())
        self.size, self.stored, self.words = index["size"], index["storedSize"], index["summary"]["words"]
        with open(folder / "train.jsonl") as lines:
            self.images = [json.loads(line) for line in lines]
        shape = len(self.images), self.stored, self.stored, 3
        self.pixels = numpy.memmap(folder / "train.pixels", dtype=numpy.uint8, mode="r", shape=shape)
        self.options = config["data"]

    def __len__(self):
        return len(self.images)

    def __getitem__(self, choice):
        image, same = choice
        captions = self.images[image]["captions"]
        first = random.randrange(len(captions))
        if same:
            other, others = image, [i for i in range(len(captions)) if i != first]
            second = random.choice(others or [first])
        else:
            other = random.choice([i for i in range(len(self)) if i != image])
            second = random.randrange(len(self.images[other]["captions"]))
        return self.example(image, first), self.example(other, second), float(same)

    def example(self, image, caption):
        margin, entry = self.stored - self.size, self.images[image]
        crop = self.options["crop"]
        top, left = (random.randint(0, margin) if crop else margin // 2 for _ in range(2))
        tokens, most = entry["captions"][caption]["tokens"], self.options["maxWords"]
        if len(tokens) > most:
            tokens = [tokens[place] for place in sorted(random.sample(range(len(tokens)), most))]
        return self.window(image, top, left, self.options["flip"] and random.random() < 0.5), tokens, entry["classId"]

    def window(self, image, top, left, flip):
        """[size, size, 3] bytes."""
        pixels = self.pixels[image, top : top + self.size, left : left + self.size]
        return pixels[:, ::-1] if flip else pixels


class PairSampler(Sampler):
    """Endless batches of (image, y): every image once per epoch, and in each batch the same number of y = 1."""

    def __init__(self, count, config):
        self.count, self.batch = count, config["training"]["batch"]
        self.same = round(self.batch * config["siamese"]["shareSame"])

    def __iter__(self):
        order = iter(())
        while True:
            same = [i < self.same for i in range(self.batch)]
            random.shuffle(same)
            batch = []
            while len(batch) < self.batch:
                image = next(order, None)
                if image is None:
                    order = iter(torch.randperm(self.count).tolist())
                else:
                    batch.append((image, same[len(batch)]))
            yield batch


class Collate:
    """Pairs → a batch: the first branch's images at every stage's size, then the second's."""

    def __init__(self, sizes):
        self.sizes = sizes

    def __call__(self, pairs):
        examples = [first for first, _, _ in pairs] + [second for _, second, _ in pairs]
        windows, captions, class_ids = zip(*examples)
        lengths = [len(tokens) for tokens in captions]
        tokens = torch.zeros(len(captions), max(lengths), dtype=torch.int64)
        for row, own in zip(tokens, captions):
            row[: len(own)] = torch.tensor(own)
        return {
            "images": pyramid(windows, self.sizes),
            "tokens": tokens,
            "lengths": lengths,
            "class_ids": torch.tensor(class_ids),
            "same": torch.tensor([y for _, _, y in pairs]),
        }


def pyramid(windows, sizes):
    """Windows [S, S, 3] of bytes → [B, 3, size, size] in −1 … 1 for each size."""
    images = torch.from_numpy(numpy.stack(windows)).permute(0, 3, 1, 2).float() / 127.5 - 1
    return [F.avg_pool2d(images, images.size(2) // size) for size in sizes[:-1]] + [images.contiguous()]


def batches(dataset, config, sizes):
    return DataLoader(
        dataset,
        batch_sampler=PairSampler(len(dataset), config),
        collate_fn=Collate(sizes),
        num_workers=config["data"]["workers"],
    )
