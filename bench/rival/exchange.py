"""The PyTorch side of `bench/exchange.mjs`: writes and reads AttnGAN's checkpoints.

    exchange.py write FOLDER [--small]    checkpoints, captions.pickle and what PyTorch generates with them
    exchange.py check FOLDER WEIGHTS      loads the exported WEIGHTS, and generates again
"""

import json
import pathlib
import pickle
import sys

import torch
from attngan import Discriminator, Generator
from damsm import TextEncoder
from safetensors_file import read_safetensors
from torch import nn

SIZES = dict(gf=32, df=64, embedding=300, text=256, words=5450)
SMALL = dict(gf=8, df=8, embedding=20, text=32, words=100)


def networks(sizes):
    generator = Generator(gf=sizes["gf"], text=sizes["text"])
    text = TextEncoder(sizes["words"], sizes["embedding"], sizes["text"])
    discriminators = [Discriminator(size, df=sizes["df"], text=sizes["text"]) for size in (64, 128, 256)]
    return [generator, text, *discriminators]


def generate(nets, given):
    """Images of every stage with both discriminator outputs for each, BN in evaluation mode."""
    generator, text, *discriminators = [net.eval() for net in nets]
    with torch.no_grad():
        words, sentence = text(given["tokens"], given["lengths"])
        images, _, _ = generator(given["z"], sentence, words, given["epsilon"])
        result = {"words": words, "sentence": sentence}
        for i, (net, image) in enumerate(zip(discriminators, images)):
            features = net(image)
            result[f"image{i}"] = image
            result[f"unconditional{i}"] = net.UNCOND_DNET(features)
            result[f"conditional{i}"] = net.COND_DNET(features, sentence)
    return result


def write(folder, sizes):
    torch.manual_seed(1)
    nets = networks(sizes)
    generator, text, *discriminators = nets
    batch, length = 4, 9
    given = {
        "tokens": torch.randint(1, sizes["words"], (batch, length)),
        "lengths": torch.full((batch,), length),
        "z": torch.randn(batch, 100),
        "epsilon": torch.randn(batch, 100),
    }
    # Gives BN the running statistics of a training: means over batches instead of means of 0 and variances of 1.
    for norm in (part for net in nets for part in net.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)):
        norm.momentum = None
    with torch.no_grad():
        for _ in range(3):
            words, sentence = text(given["tokens"], given["lengths"])
            images, _, _ = generator(torch.randn(batch, 100), sentence, words)
            for net, image in zip(discriminators, images):
                net.COND_DNET(net(image), sentence)
    for kind, options in (("zip", {}), ("legacy", dict(_use_new_zipfile_serialization=False))):
        (folder / kind).mkdir()
        torch.save(generator.state_dict(), folder / kind / "netG_epoch_600.pth", **options)
        torch.save(text.state_dict(), folder / kind / "text_encoder200.pth", **options)
        for i, net in enumerate(discriminators):
            torch.save(net.state_dict(), folder / kind / f"netD{i}.pth", **options)
        names = {i: "<end>" if i == 0 else f"word{i}" for i in range(sizes["words"])}
        captions = [[[1, 2]], [[3]], names, {word: i for i, word in names.items()}]
        with open(folder / kind / "captions.pickle", "wb") as file:
            pickle.dump(captions, file, protocol=2)
    expected = generate(nets, given)
    torch.save({"sizes": sizes, "given": given, "expected": expected}, folder / "reference.pth")


def check(folder, weights):
    reference = torch.load(folder / "reference.pth")
    nets = networks(reference["sizes"])
    for net, name in zip(nets, ["netG", "text_encoder", "netD0", "netD1", "netD2"]):
        net.load_state_dict(read_safetensors(weights / f"{name}.safetensors")[1])
    generated = generate(nets, reference["given"])
    worst = max((generated[name] - value).abs().max().item() for name, value in reference["expected"].items())
    print(json.dumps({"worst": worst}))


if __name__ == "__main__":
    command, folder, *rest = sys.argv[1:]
    if command == "write":
        write(pathlib.Path(folder), SMALL if rest == ["--small"] else SIZES)
    else:
        check(pathlib.Path(folder), pathlib.Path(rest[0]))
