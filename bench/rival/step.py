"""Pictures a second of the same step in PyTorch.

  /usr/bin/python3 bench/rival/step.py [--batch 10] [--steps 5] [--bfloat16]

As published: float32 and the allocator's defaults. Tuned: --bfloat16 (with channels-last), and the environment variables
MALLOC_MMAP_THRESHOLD_=1073741824 MALLOC_TRIM_THRESHOLD_=2147483647.
"""

import argparse
import resource
import time

import torch
from attngan import Discriminator, Generator, adam, step

parser = argparse.ArgumentParser()
parser.add_argument("--batch", type=int, default=10)
parser.add_argument("--steps", type=int, default=5)
parser.add_argument("--bfloat16", action="store_true")
options = parser.parse_args()

dtype = torch.bfloat16 if options.bfloat16 else torch.float32
layout = torch.channels_last if options.bfloat16 else torch.contiguous_format
networks = [Generator()] + [Discriminator(size) for size in (64, 128, 256)]
optimizers = [adam(network) for network in networks]
reals = [
    torch.randn(options.batch, 3, size, size).to(dtype, memory_format=layout) for size in (64, 128, 256)
]
z, sentence, words = (torch.randn(options.batch, *shape) for shape in ((100,), (256,), (256, 18)))
for network in networks:
    network.to(memory_format=layout)

seconds = []
for i in range(options.steps + 1):
    begin = time.perf_counter()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=options.bfloat16):
        step(networks[0], networks[1:], optimizers, reals, z, sentence, words)
    if i > 0:
        seconds.append(time.perf_counter() - begin)
seconds.sort()
rate = lambda s: f"{options.batch / s:.2f}"
print(
    f"PyTorch {torch.__version__}, {dtype}, {torch.get_num_threads()} threads, batch {options.batch}: "
    f"median {rate(seconds[len(seconds) // 2])} pictures a second "
    f"({rate(seconds[-1])} to {rate(seconds[0])} over {len(seconds)} steps), "
    f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB"
)
