"""SD-GAN's networks in plain PyTorch, the reference for speed comparisons.

Written for this project from the paper (Yin et al., CVPR 2019), with AttnGAN's modules of `attngan.py` where they are
the same. Names of parameters are AttnGAN's. `config` is a configuration of sdgan as JSON.
"""

import math

import torch
import torch.nn.functional as F
from attngan import GLU, Conditioning, Residual, ToImage, conv3x3
from attngan import Discriminator as AttnganDiscriminator
from torch import nn


def attend(x, source, mask):
    """x [B, C, H, W], source [B, T, C], mask [B, T] → for each place the attention-weighted sum of the words."""
    b, c, h, w = x.shape
    scores = torch.bmm(x.flatten(2).transpose(1, 2), source.transpose(1, 2))
    attention = scores.masked_fill(~mask.unsqueeze(1), -float("inf")).softmax(2).to(source.dtype)  # [B, H·W, T]
    if x.is_contiguous():
        return torch.bmm(source.transpose(1, 2), attention.transpose(1, 2)).view(b, c, h, w)
    return torch.bmm(attention, source).transpose(1, 2).view(b, c, h, w)  # Channels-last, as x.


class Attention(nn.Module):
    """AttnGAN's word attention with a mask of the words."""

    def __init__(self, channels, text):
        super().__init__()
        self.conv_context = nn.Conv2d(text, channels, 1, bias=False)

    def forward(self, x, words, mask):
        return attend(x, self.conv_context(words.unsqueeze(3)).squeeze(3).transpose(1, 2), mask)


class SentenceModulation(nn.Module):
    def __init__(self, channels, text, hidden):
        super().__init__()
        self.gamma, self.beta = (
            nn.Sequential(nn.Linear(text, hidden), nn.ReLU(), nn.Linear(hidden, channels)) for _ in range(2)
        )

    def forward(self, x, words, sentence, mask):
        return [part(sentence).unsqueeze(2).unsqueeze(3) for part in (self.gamma, self.beta)]


class WordModulation(nn.Module):
    def __init__(self, channels, text):
        super().__init__()
        self.project = nn.Linear(text, channels)
        self.gamma, self.beta = nn.Conv2d(channels, channels, 1), nn.Conv2d(channels, channels, 1)

    def forward(self, x, words, sentence, mask):
        vse = attend(x, self.project(words.transpose(1, 2)), mask)
        return [self.gamma(vse), self.beta(vse)]


class SCBN(nn.BatchNorm2d):
    """(γ + γ_c) · x̂ + (β + β_c), where sentence, words or both give γ_c and β_c."""

    def __init__(self, channels, text, kind, hidden):
        super().__init__(channels)
        if kind in ("sentence", "both"):
            self.sentence = SentenceModulation(channels, text, hidden)
        if kind in ("word", "both"):
            self.word = WordModulation(channels, text)

    def forward(self, x, text):
        gamma, beta = (p.view(1, -1, 1, 1).to(x.dtype) for p in (self.weight, self.bias))
        for part in self.children():
            more_gamma, more_beta = part(x, *text)
            gamma, beta = gamma + more_gamma, beta + more_beta
        if self.training:
            self.num_batches_tracked += 1
        mean, variance = self.running_mean, self.running_var
        return gamma * F.batch_norm(x, mean, variance, None, None, self.training, self.momentum, self.eps) + beta


class UpBlock(nn.Sequential):
    def __init__(self, n_in, n_out, text, kind, hidden):
        upsample = nn.Upsample(scale_factor=2, mode="nearest")
        super().__init__(upsample, conv3x3(n_in, 2 * n_out), SCBN(2 * n_out, text, kind, hidden), GLU())

    def forward(self, x, text):
        upsample, conv, norm, glu = self
        return glu(norm(conv(upsample(x)), text))


class FirstStage(nn.Module):
    def __init__(self, channels, size, z, *scbn):
        super().__init__()
        self.channels = channels
        self.fc = nn.Sequential(nn.Linear(z, channels * 4 * 4 * 2, bias=False), nn.BatchNorm1d(channels * 32), GLU())
        for i in range(int(math.log2(size // 4))):
            self.add_module(f"upsample{i + 1}", UpBlock(channels, channels // 2, *scbn))
            channels //= 2

    def forward(self, z, text):
        x = self.fc(z).view(-1, self.channels, 4, 4)
        for block in list(self.children())[1:]:
            x = block(x, text)
        return x


class LaterStage(nn.Module):
    def __init__(self, ngf, blocks, text, *scbn):
        super().__init__()
        self.att = Attention(ngf, text)
        self.residual = nn.Sequential(*[Residual(2 * ngf) for _ in range(blocks)])
        self.upsample = UpBlock(2 * ngf, ngf, text, *scbn)

    def forward(self, h, text):
        words, _, mask = text
        return self.upsample(self.residual(torch.cat((h, self.att(h, words, mask)), 1)), text)


class Generator(nn.Module):
    def __init__(self, config):
        super().__init__()
        g, text = config["generator"], config["text"]["width"]
        ngf, condition, kinds = g["width"], g["condition"], g["scbn"]
        self.ca_net = Conditioning(text, condition)
        first = ngf * g["firstSize"] // 4, g["firstSize"], g["noise"] + condition
        self.h_net1, self.img_net1 = FirstStage(*first, text, kinds[0], g["scbnHidden"]), ToImage(ngf)
        for i, kind in enumerate(kinds[1:], 2):
            self.add_module(f"h_net{i}", LaterStage(ngf, g["residualBlocks"], text, kind, g["scbnHidden"]))
            self.add_module(f"img_net{i}", ToImage(ngf))
        initialize(self)
        for part in self.modules():
            if isinstance(part, (SentenceModulation, WordModulation)):
                for modulation in (part.gamma, part.beta):
                    last = modulation[-1] if isinstance(modulation, nn.Sequential) else modulation
                    nn.init.zeros_(last.weight)
                    nn.init.zeros_(last.bias)

    def forward(self, z, text, epsilon=None):
        """text: words [B, D, T], sentence [B, D], mask [B, T]."""
        code, mu, logvar = self.ca_net(text[1], epsilon)
        images, h = [], torch.cat((code, z), 1)
        for stage, to_image in zip(self.parts("h_net"), self.parts("img_net")):
            h = stage(h, text)
            images.append(to_image(h))
        return images, mu, logvar

    def parts(self, prefix):
        return [part for name, part in self.named_children() if name.startswith(prefix)]


class Discriminator(AttnganDiscriminator):
    """AttnGAN's, with logits: their cross entropy is exact in bfloat16 too."""

    def __init__(self, size, df, text):
        super().__init__(size, df, text)
        for head in (self.UNCOND_DNET, self.COND_DNET):
            head.outlogits[1] = nn.Identity()
        initialize(self)


def initialize(network):
    """The published initial values."""
    for part in network.modules():
        if isinstance(part, (nn.Conv2d, nn.Linear)):
            nn.init.orthogonal_(part.weight)
            if isinstance(part, nn.Linear) and part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.modules.batchnorm._BatchNorm):
            nn.init.normal_(part.weight, 1, 0.02)
            nn.init.zeros_(part.bias)
