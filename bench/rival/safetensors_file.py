"""A small reader of safetensors files."""

import json

import torch


def read_safetensors(path):
    """Metadata and tensors."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = bytearray(file.read())
    types = {"F32": torch.float32, "F64": torch.float64, "I64": torch.int64}
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = torch.frombuffer(data[begin:end], dtype=types[entry["dtype"]])
        tensors[name] = values.reshape(entry["shape"])
    return metadata, tensors
