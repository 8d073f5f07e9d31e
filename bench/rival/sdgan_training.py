"""Trains SD-GAN in plain PyTorch on a prepared folder for a while, and checks that its steps are those of sdgan."""

import json
import os
import resource
import tempfile
import time

import torch
from damsm import ImageEncoder, TextEncoder
from prepared import PreparedImages, batches, pyramid
from safetensors_file import read_safetensors
from sdgan_step import Trainer

WARM_UP = 5


def training(config, folder, tuned=False, bfloat16=None, times=4):
    """Seconds of each of `times` runs of `log.every` steps, after five steps; and from the process's start to the first."""
    every, begun = config["log"]["every"], float(os.environ.get("BENCH_BEGAN", 1000 * time.time())) / 1000
    dataset = PreparedImages(f"{folder}/data", config)
    _, weights = read_safetensors(f"{folder}/run/damsm/damsm.safetensors")
    encoders = damsm(config, dataset.words, weights)
    reduced = tuned and (has_bfloat16() if bfloat16 is None else bfloat16)
    trainer = Trainer(config, *encoders, tuned=tuned, bfloat16=reduced)
    seconds, loader = [], iter(batches(dataset, config, trainer.sizes))
    with tempfile.TemporaryFile("w") as metrics:
        for number in range(1, WARM_UP + every * times + 1):
            batch = next(loader)
            if tuned:
                batch["images"] = [image.to(memory_format=torch.channels_last) for image in batch["images"]]
            log = trainer.step(batch)
            if number % every == 0:
                metrics.write(json.dumps({"step": number, **log}) + "\n")
                metrics.flush()
            if number == 1:
                start = time.time() - begun
            if number == WARM_UP:
                begin = time.perf_counter()
            elif number > WARM_UP and (number - WARM_UP) % every == 0:
                now = time.perf_counter()
                seconds.append(now - begin)
                begin = now
    return {
        "seconds": seconds,
        "images": 2 * config["training"]["batch"] * every,
        "startSeconds": [start],
        "peakMiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "dtype": "bfloat16" if reduced else "float32",
        "threads": torch.get_num_threads(),
        "version": torch.__version__,
    }


def damsm(config, words, weights):
    """Text and image encoder with the weights of sdgan's file."""
    text, options = config["text"], config["damsm"]
    encoders = (
        TextEncoder(words, text["embedding"], text["width"], text["sentence"], text["whiten"]),
        ImageEncoder(options["width"], text["width"], options["imageSize"]),
    )
    encoders[0].load_state_dict(below("text.", weights))
    names = {
        "down.0.conv": "local.0.0",
        "down.1.conv": "local.1.0",
        "down.1.norm": "local.1.1",
        "down.2.conv": "local.2.0",
        "down.2.norm": "local.2.1",
        "mix.conv": "local.3.0",
        "mix.norm": "local.3.1",
        "toRegions": "regions",
        "last.conv": "last.0",
        "last.norm": "last.1",
        "toCode": "code",
    }
    image = {name.rpartition("."): value for name, value in below("image.", weights).items()}
    encoders[1].load_state_dict({f"{names[layer]}.{rest}": value for (layer, _, rest), value in image.items()})
    return encoders


def below(prefix, tensors):
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}


def has_bfloat16():
    """Whether the processor multiplies bfloat16 natively, the condition under which sdgan uses it."""
    with open("/proc/cpuinfo") as file:
        flags = file.read().split()
    return "avx512_bf16" in flags or "amx_bf16" in flags


def check(path, folder, tuned=False):
    """
    Repeats sdgan's steps in the file `path`, in its dtype. Returns the largest relative difference of all losses, other
    logged values and the average's norm, and the largest difference of the images (−1 … 1) from those of this loader.
    """
    metadata, tensors = read_safetensors(path)
    config, history = json.loads(metadata["config"]), json.loads(metadata["history"])
    dataset = PreparedImages(f"{folder}/data", config)
    trainer = Trainer(config, *damsm(config, dataset.words, below("damsm.", tensors)), tuned=tuned)
    trainer.generator.load_state_dict(below("generator.", tensors))
    trainer.average.load_state_dict(below("generator.", tensors))
    for i, network in enumerate(trainer.discriminators):
        network.load_state_dict(below(f"discriminator{i}.", tensors))
    dtype = tensors["step0.z"].dtype
    for network in (*trainer.discriminators, trainer.generator, trainer.average, trainer.text_encoder, trainer.image_encoder):
        network.to(dtype)
    result = {"worst": 0, "name": None, "images": 0}
    for i, expected in enumerate(history):
        given = below(f"step{i}.", tensors)
        windows = [dataset.window(*row) for row in given["windows"].tolist()]
        images = [image.to(dtype) for image in pyramid(windows, trainer.sizes)]
        for j, image in enumerate(images):
            result["images"] = max(result["images"], (image - given[f"real{j}"]).abs().max().item())
        names = ("tokens", "class_ids", "same")
        batch = {"images": images, "lengths": given["lengths"].tolist(), **{name: given[name] for name in names}}
        log = trainer.step(batch, given["z"], given["epsilon"])
        log["average"] = norm(trainer.average)
        if log.keys() != expected.keys():
            raise ValueError(f"other values are logged: {sorted(log.keys() ^ expected.keys())}")
        for name, value in log.items():
            difference = abs(value / expected[name] - 1)
            if not difference <= result["worst"]:
                result.update(worst=difference, name=f"{name} of step {i + 1}")
    return result


def norm(network):
    """‖state‖, which every parameter and statistic of the averaged generator takes part in."""
    values = [value.double() for value in network.state_dict().values() if value.is_floating_point()]
    return torch.stack([value.norm() for value in values]).norm().item()
