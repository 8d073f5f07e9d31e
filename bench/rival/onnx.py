"""The PyTorch side of `bench/onnx.mjs`: exports AttnGAN's generator, as `exchange.py write` wrote it, to ONNX.

    onnx.py FOLDER OUT.onnx

`torch.onnx.export` traces the network in evaluation mode, folds constants and merges batch norm into convolutions. The
batch and the number of words stay variable.
"""

import pathlib
import sys

import torch
from attngan import Generator

folder, out = map(pathlib.Path, sys.argv[1:])
reference = torch.load(folder / "reference.pth")
sizes, given, expected = (reference[name] for name in ("sizes", "given", "expected"))
generator = Generator(gf=sizes["gf"], text=sizes["text"])
generator.load_state_dict(torch.load(folder / "zip/netG_epoch_600.pth"))
generator.eval()


class Images(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.generator = generator

    def forward(self, z, epsilon, words, sentence):
        return self.generator(z, sentence, words, epsilon)[0]


inputs = dict(z=given["z"], epsilon=given["epsilon"], words=expected["words"], sentence=expected["sentence"])
torch.onnx.export(
    Images().eval(),
    tuple(inputs.values()),
    str(out),
    input_names=list(inputs),
    output_names=["image_64", "image_128", "image_256"],
    dynamic_axes={name: {0: "batch"} for name in inputs} | {"words": {0: "batch", 2: "words"}},
    opset_version=17,
)
