"""The AttnGAN training step in plain PyTorch, the reference for speed comparisons.

Written for this project from the paper (Xu et al., CVPR 2018): the same networks, the same losses and the same order
of calls as the published code, with that code's parameter names.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn


def conv3x3(n_in, n_out):
    return nn.Conv2d(n_in, n_out, 3, padding=1, bias=False)


class GLU(nn.Module):
    def forward(self, x):
        half = x.size(1) // 2
        return x[:, :half] * torch.sigmoid(x[:, half:])


def up_block(n_in, n_out):
    return nn.Sequential(
        nn.Upsample(scale_factor=2, mode="nearest"), conv3x3(n_in, 2 * n_out), nn.BatchNorm2d(2 * n_out), GLU()
    )


class Residual(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.block = nn.Sequential(
            conv3x3(n, 2 * n), nn.BatchNorm2d(2 * n), GLU(), conv3x3(n, n), nn.BatchNorm2d(n)
        )

    def forward(self, x):
        return self.block(x) + x


class Conditioning(nn.Module):
    def __init__(self, text, condition):
        super().__init__()
        self.fc = nn.Linear(text, 4 * condition)
        self.condition = condition

    def forward(self, sentence, epsilon=None):
        x = self.fc(sentence)
        half = x.size(1) // 2
        x = x[:, :half] * torch.sigmoid(x[:, half:])
        mu, logvar = x[:, : self.condition], x[:, self.condition :]
        std = logvar.mul(0.5).exp()
        epsilon = torch.randn_like(std) if epsilon is None else epsilon
        return epsilon.mul(std).add(mu), mu, logvar


class Attention(nn.Module):
    def __init__(self, channels, text):
        super().__init__()
        self.conv_context = nn.Conv2d(text, channels, 1, bias=False)

    def forward(self, x, words):
        b, c, h, w = x.shape
        target = x.view(b, c, h * w) if x.is_contiguous() else x.reshape(b, c, h * w)
        source = self.conv_context(words.unsqueeze(3)).squeeze(3)
        attention = torch.bmm(target.transpose(1, 2), source)
        attention = torch.softmax(attention.view(b * h * w, -1), dim=1).view(b, h * w, -1).transpose(1, 2)
        return torch.bmm(source, attention).view(b, c, h, w), attention


class FirstStage(nn.Module):
    def __init__(self, ngf, z, condition):
        super().__init__()
        self.ngf = ngf
        self.fc = nn.Sequential(nn.Linear(z + condition, ngf * 4 * 4 * 2, bias=False), nn.BatchNorm1d(ngf * 32), GLU())
        self.upsample1 = up_block(ngf, ngf // 2)
        self.upsample2 = up_block(ngf // 2, ngf // 4)
        self.upsample3 = up_block(ngf // 4, ngf // 8)
        self.upsample4 = up_block(ngf // 8, ngf // 16)

    def forward(self, z, code):
        x = self.fc(torch.cat((code, z), 1)).view(-1, self.ngf, 4, 4)
        return self.upsample4(self.upsample3(self.upsample2(self.upsample1(x))))


class LaterStage(nn.Module):
    def __init__(self, ngf, text, blocks):
        super().__init__()
        self.att = Attention(ngf, text)
        self.residual = nn.Sequential(*[Residual(2 * ngf) for _ in range(blocks)])
        self.upsample = up_block(2 * ngf, ngf)

    def forward(self, h, words):
        context, attention = self.att(h, words)
        return self.upsample(self.residual(torch.cat((h, context), 1))), attention


class ToImage(nn.Module):
    def __init__(self, ngf):
        super().__init__()
        self.img = nn.Sequential(conv3x3(ngf, 3), nn.Tanh())

    def forward(self, h):
        return self.img(h)


class Generator(nn.Module):
    def __init__(self, gf=32, z=100, condition=100, text=256, blocks=2):
        super().__init__()
        self.ca_net = Conditioning(text, condition)
        self.h_net1, self.img_net1 = FirstStage(gf * 16, z, condition), ToImage(gf)
        self.h_net2, self.img_net2 = LaterStage(gf, text, blocks), ToImage(gf)
        self.h_net3, self.img_net3 = LaterStage(gf, text, blocks), ToImage(gf)

    def forward(self, z, sentence, words, epsilon=None):
        code, mu, logvar = self.ca_net(sentence, epsilon)
        h1 = self.h_net1(z, code)
        h2, _ = self.h_net2(h1, words)
        h3, _ = self.h_net3(h2, words)
        return [self.img_net1(h1), self.img_net2(h2), self.img_net3(h3)], mu, logvar


def leaky():
    return nn.LeakyReLU(0.2, inplace=True)


def block3x3(n_in, n_out):
    return nn.Sequential(conv3x3(n_in, n_out), nn.BatchNorm2d(n_out), leaky())


def down_block(n_in, n_out):
    return nn.Sequential(nn.Conv2d(n_in, n_out, 4, 2, 1, bias=False), nn.BatchNorm2d(n_out), leaky())


class Head(nn.Module):
    def __init__(self, df, text, conditional):
        super().__init__()
        if conditional:
            self.jointConv = block3x3(df * 8 + text, df * 8)
        self.outlogits = nn.Sequential(nn.Conv2d(df * 8, 1, 4, stride=4), nn.Sigmoid())

    def forward(self, features, sentence=None):
        if sentence is not None:
            spread = sentence.view(sentence.size(0), -1, 1, 1).repeat(1, 1, 4, 4)
            features = self.jointConv(torch.cat((features, spread), 1))
        return self.outlogits(features).view(-1)


class Discriminator(nn.Module):
    """For images of 64, 128 or 256 pixels as published. For smaller ones, fewer convolutions, the first of them wider."""

    def __init__(self, size, df=64, text=256):
        super().__init__()
        after = min(3, int(math.log2(size)) - 3)
        first = df * 8 // 2**after
        layers = [nn.Conv2d(3, first, 4, 2, 1, bias=False), leaky()]
        for n in [first * 2**i for i in range(after)]:
            layers += [nn.Conv2d(n, 2 * n, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * n), leaky()]
        self.img_code_s16 = nn.Sequential(*layers)
        self.size = size
        if size >= 128:
            self.img_code_s32 = down_block(df * 8, df * 16)
        if size == 128:
            self.img_code_s32_1 = block3x3(df * 16, df * 8)
        if size == 256:
            self.img_code_s64 = down_block(df * 16, df * 32)
            self.img_code_s64_1 = block3x3(df * 32, df * 16)
            self.img_code_s64_2 = block3x3(df * 16, df * 8)
        self.UNCOND_DNET = Head(df, text, False)
        self.COND_DNET = Head(df, text, True)

    def forward(self, x):
        x = self.img_code_s16(x)
        if self.size >= 128:
            x = self.img_code_s32(x)
        if self.size == 128:
            x = self.img_code_s32_1(x)
        if self.size == 256:
            x = self.img_code_s64_2(self.img_code_s64_1(self.img_code_s64(x)))
        return x


def bce(probability, target):
    # Probabilities in float32: PyTorch has no binary cross entropy in bfloat16, and on a GPU autocast forbids it.
    with torch.autocast(probability.device.type, enabled=False):
        return F.binary_cross_entropy(probability.float(), torch.full_like(probability, target, dtype=torch.float32))


def discriminator_loss(net, real, fake, sentence):
    real_features, fake_features = net(real), net(fake.detach())
    cond_real = bce(net.COND_DNET(real_features, sentence), 1)
    cond_fake = bce(net.COND_DNET(fake_features, sentence), 0)
    cond_wrong = bce(net.COND_DNET(real_features[:-1], sentence[1:]), 0)
    real_loss = bce(net.UNCOND_DNET(real_features), 1)
    fake_loss = bce(net.UNCOND_DNET(fake_features), 0)
    return (real_loss + cond_real) / 2 + (fake_loss + cond_fake + cond_wrong) / 3


def step(generator, discriminators, optimizers, reals, z, sentence, words, epsilon=None, read=torch.Tensor.item):
    """One step: every discriminator, then the generator. Returns the losses, each after `read(tensor)`."""
    fakes, mu, logvar = generator(z, sentence, words, epsilon)
    d_losses = []
    for net, optimizer, real, fake in zip(discriminators, optimizers[1:], reals, fakes):
        net.zero_grad()
        loss = discriminator_loss(net, real, fake, sentence)
        loss.backward()
        optimizer.step()
        torch.clear_autocast_cache()  # It holds copies of the weights from before this update.
        d_losses.append(read(loss))
    generator.zero_grad()
    total, g_losses = 0, []
    for net, fake in zip(discriminators, fakes):
        features = net(fake)
        cond = bce(net.COND_DNET(features, sentence), 1)
        loss = bce(net.UNCOND_DNET(features), 1) + cond
        total = total + loss
        g_losses.append(read(loss))
    mu, logvar = mu.float(), logvar.float()
    kl = -0.5 * torch.mean(1 + logvar - mu.pow(2) - logvar.exp())
    (total + kl).backward()
    optimizers[0].step()
    return d_losses, g_losses, read(kl)


def adam(net, **options):
    return torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999), **options)
