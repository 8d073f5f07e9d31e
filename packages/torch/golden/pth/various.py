"""Writes various-zip.pth, various-legacy.pth and refused-*.pth beside itself. Any PyTorch from 1.6 on will do."""
import pathlib
from collections import OrderedDict

import torch

folder = pathlib.Path(__file__).parent
legacy = dict(_use_new_zipfile_serialization=False)


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = torch.nn.BatchNorm1d(2)

    def forward(self, x):
        return self.norm(x)


shared = torch.arange(6, dtype=torch.float64)
various = {
    "parameter": torch.nn.Parameter(torch.tensor([1.0, 2.0])),
    "state": Model().state_dict(),
    "whole": shared.view(2, 3),
    "part": shared[3:5],
    "expanded": torch.tensor([7, 8], dtype=torch.int32).expand(3, 2),
    "bool": torch.tensor([True, False, True]),
    "bytes": torch.tensor([0, 255], dtype=torch.uint8),
    "int8": torch.tensor([-128, 127], dtype=torch.int8),
    "int16": torch.tensor([-32768, 32767], dtype=torch.int16),
    "long": torch.tensor(-(2**62)),
    "list": [torch.tensor([1.5]), {"inner": torch.zeros(2, 0)}],
    "size": torch.Size([2, 3]),
    "ordered": OrderedDict([("lr", 2e-4), ("betas", (0.5, 0.999))]),
}
# As a checkpoint that was saved on the second GPU.
torch.serialization.register_package(0, lambda storage: "cuda:1", lambda storage, location: None)
torch.save(various, folder / "various-zip.pth")
torch.save(various, folder / "various-legacy.pth", **legacy)
torch.save({"z": torch.zeros(1, dtype=torch.complex64)}, folder / "refused-complex.pth")
torch.save(torch.nn.Linear(1, 1), folder / "refused-model.pth", **legacy)
torch.jit.script(Model()).save(str(folder / "refused-program.pth"))
