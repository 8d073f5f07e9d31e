"""Runs one measurement in PyTorch and prints it as JSON.

  /usr/bin/python3 bench/rival/measure.py step|generation|damsmStep|damsmLosses '{"batch": 10, "bfloat16": true}' [--times 4]
  /usr/bin/python3 bench/rival/measure.py training '{"config": …, "folder": …, "tuned": true}' [--times 4]
  /usr/bin/python3 bench/rival/measure.py check packages/sdgan/golden/attngan-trajectory.safetensors
  /usr/bin/python3 bench/rival/measure.py check-sdgan '{"path": "steps.safetensors", "folder": …}'

`bfloat16` implies channels-last. Environment variables tune the allocator: MALLOC_MMAP_THRESHOLD_=1073741824
MALLOC_TRIM_THRESHOLD_=2147483647 MALLOC_TOP_PAD_=67108864. Further options of a step are "device": "cuda", with which
`bfloat16` also implies a fused Adam and losses that stay on the GPU, "compiled": true (torch.compile), and "steps", the
number of steps per measurement.
"""

import argparse
import json
import math
import os
import resource
import time

import sdgan_training
import torch
from attngan import Discriminator, Generator, adam, step
from damsm import ImageEncoder, TextEncoder, damsm_step, words_loss
from safetensors_file import read_safetensors

SIZES = (64, 128, 256)


def training_step(batch=10, bfloat16=False, device="cpu", compiled=False, steps=1):
    gpu = device == "cuda"
    torch.backends.cudnn.benchmark = True  # The published code sets it.
    dtype, layout = lay(bfloat16)
    networks = [Generator()] + [Discriminator(size) for size in SIZES]
    for network in networks:
        network.to(device, memory_format=layout)
    parameters = [sum(p.numel() for p in network.parameters()) for network in networks]
    optimizers = [adam(network, fused=True) if gpu and bfloat16 else adam(network) for network in networks]
    if compiled:
        from torch._dynamo import config

        config.recompile_limit = 64  # Discriminators of three sizes share their code.
        config.fail_on_recompile_limit_hit = True
        for part in networks + [head for net in networks[1:] for head in (net.UNCOND_DNET, net.COND_DNET)]:
            part.forward = torch.compile(part.forward, dynamic=False)
    reals = [torch.randn(batch, 3, size, size).to(device, dtype, memory_format=layout) for size in SIZES]
    z, sentence, words = (torch.randn(batch, *shape, device=device) for shape in ((100,), (256,), (256, 18)))
    read = torch.Tensor.detach if gpu and bfloat16 else torch.Tensor.item

    def run():
        for _ in range(steps):
            with torch.autocast(device, dtype=torch.bfloat16, enabled=bfloat16):
                step(networks[0], networks[1:], optimizers, reals, z, sentence, words, read=read)
        if gpu:
            torch.cuda.synchronize()

    return run, batch * steps, parameters


def generation(batch=8, bfloat16=False):
    _, layout = lay(bfloat16)
    generator = Generator().eval().to(memory_format=layout)
    z, sentence, words = (torch.randn(batch, *shape) for shape in ((100,), (256,), (256, 18)))

    def run():
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
            generator(z, sentence, words)

    return run, batch, None


def whole_damsm_step(batch=48, words=18, size=64, width=24, text=128):
    """The sizes of `birds-64`."""
    encoders = TextEncoder(200, width=text), ImageEncoder(width, text, size)
    parameters = [p for encoder in encoders for p in encoder.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=2e-3, betas=(0.5, 0.999))
    images, tokens = torch.randn(batch, 3, size, size), torch.randint(0, 200, (batch, words))
    return lambda: damsm_step(*encoders, optimizer, images, tokens, [words] * batch), batch, [
        sum(p.numel() for p in encoder.parameters()) for encoder in encoders
    ]


def damsm_losses(batch=48, words=18, side=17, width=256):
    regions = torch.randn(batch, width, side, side, requires_grad=True)
    features = torch.randn(batch, width, words, requires_grad=True)
    labels, lengths = torch.arange(batch), [words] * batch

    def run():
        loss0, loss1 = words_loss(regions, features, labels, lengths)
        torch.autograd.grad(loss0 + loss1, [regions, features])

    return run, batch, None


def lay(bfloat16):
    return (torch.bfloat16, torch.channels_last) if bfloat16 else (torch.float32, torch.contiguous_format)


def measure(what, options, times):
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count())))  # Debian starts with one thread.
    if what == "training":
        return sdgan_training.training(**options, times=times)
    run, images, parameters = {
        "step": training_step,
        "generation": generation,
        "damsmStep": whole_damsm_step,
        "damsmLosses": damsm_losses,
    }[what](**options)
    run()
    seconds = []
    for _ in range(times):
        begin = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - begin)
    return {
        "seconds": seconds,
        "images": images,
        "peakMiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "threads": torch.get_num_threads(),
        "version": torch.__version__,
        "parameters": parameters,
    }


def check(path, tries=12):
    """
    The largest relative difference of four steps' losses from the published code's, with the same initial weights.
    Adam's first steps depend on the sign of each gradient, and rounding determines the sign of one near zero. So the
    published numbers are one of several correct outcomes, and another processor may reach them only from weights that
    differ in their last bit: if the first try differs by more than 1e-3, others follow.
    """
    torch.backends.mkldnn.enabled = False  # Sums in the published order.
    metadata, tensors = read_safetensors(path)
    best = math.inf
    for seed in range(tries):
        best = min(best, difference(metadata, tensors, seed))
        if best < 1e-3:
            break
    return {"worst": best}


def difference(metadata, tensors, seed):
    """From the file's weights for seed 0, otherwise from weights that differ from them by rounding."""
    dims, history = json.loads(metadata["dims"]), json.loads(metadata["history"])
    gf, df, text = dims["gf"], dims["df"], dims["embedding"]
    generator = Generator(gf, dims["z"], dims["condition"], text, dims["residual_blocks"])
    networks = [generator] + [Discriminator(size, df, text) for size in SIZES]
    torch.manual_seed(seed)
    for name, network in zip(("G", "D0", "D1", "D2"), networks):
        own = {key[len(name) + 1 :]: value for key, value in tensors.items() if key.startswith(name + ".")}
        network.load_state_dict(own)
        if seed > 0:
            with torch.no_grad():
                for parameter in network.parameters():
                    parameter.addcmul_(parameter, torch.randn_like(parameter), value=2**-24)
    optimizers = [adam(network) for network in networks]
    worst = 0
    for i, expected in enumerate(history):
        z, sentence, words, small, epsilon = (tensors[f"step{i}.{name}"] for name in ("z", "sentence", "words", "real16", "eps"))
        reals = [torch.nn.functional.interpolate(small, size=(size, size)) for size in SIZES]
        d, g, kl = step(generator, networks[1:], optimizers, reals, z, sentence, words, epsilon)
        pairs = zip(d + g + [kl], expected["d"] + expected["g"] + [expected["kl"]])
        worst = max([worst] + [abs(actual / value - 1) for actual, value in pairs])
    return worst


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("what")
    parser.add_argument("options", nargs="?", default="{}")
    parser.add_argument("--times", type=int, default=4)
    given = parser.parse_args()
    if given.what == "check":
        print(json.dumps(check(given.options)))
    elif given.what == "check-sdgan":
        print(json.dumps(sdgan_training.check(**json.loads(given.options))))
    else:
        print(json.dumps(measure(given.what, json.loads(given.options), given.times)))
