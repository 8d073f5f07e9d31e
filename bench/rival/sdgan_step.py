"""SD-GAN's losses and training step in plain PyTorch, the reference for speed comparisons.

Written for this project from the paper (Yin et al., CVPR 2019). `config` is a configuration of sdgan as JSON. A batch of
B images consists of the first branch's B/2 and then the second branch's.
"""

import math

import torch
import torch.nn.functional as F
from damsm import both_ways, sentence_loss, words_loss
from sdgan import Discriminator, Generator


def wide(x):
    """float32 for bfloat16: losses need more digits."""
    return x.float() if x.dtype == torch.bfloat16 else x


def bce(logits, target):
    logits = wide(logits)
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def distances(features):
    """‖v1 − v2‖ / √N of each pair's features: [B/2]."""
    v1, v2 = wide(features).chunk(2)
    difference = (v1 - v2).flatten(1)
    return difference.norm(dim=1) / math.sqrt(difference.size(1))


def contrastive_loss(features, same, config):
    d, options = distances(features), config["contrastive"]
    together, apart = d.clamp(min=options["alpha"]) ** 2, (options["epsilon"] - d).clamp(min=0) ** 2
    return (same * together + (1 - same) * apart).mean() / 2


def words_loss_together(regions, words, labels, lengths, class_ids, gamma=(4.0, 5.0, 10.0)):
    """`words_loss` without a loop: all pairs of images and captions at once."""
    places, mask = regions.flatten(2), mask_of(lengths)
    scores = torch.einsum("idr,jdt->irjt", places, words).masked_fill(~mask, -float("inf")).softmax(3)
    attention = (scores * gamma[0]).softmax(1)
    context = torch.einsum("idr,irjt->ijtd", places, attention)
    cosines = F.cosine_similarity(context, words.transpose(1, 2).unsqueeze(0), dim=3) * gamma[1]
    return both_ways(cosines.masked_fill(~mask, -float("inf")).logsumexp(2) * gamma[2], labels, class_ids)


def mask_of(lengths):
    return torch.arange(max(lengths)).unsqueeze(0) < torch.tensor(lengths).unsqueeze(1)


def damsm_losses(image_encoder, image, text, batch, config, together):
    words, sentence, _ = text
    size, gamma = config["damsm"]["imageSize"], config["damsm"]["gamma"]
    if image.size(2) != size:
        image = F.avg_pool2d(image, image.size(2) // size)
    regions, code = image_encoder(image)
    labels, class_ids = torch.arange(len(batch["lengths"])), batch["class_ids"]
    with torch.autocast("cpu", enabled=False):
        by_words = words_loss_together if together else words_loss
        by_word = by_words(wide(regions), words, labels, batch["lengths"], class_ids, gamma)
        by_sentence = sentence_loss(wide(code), sentence, labels, class_ids, gamma[2])
    return sum(by_word), sum(by_sentence)


class Trainer:
    """
    `tuned` does what care adds to the published code: no gradients for the discriminators in the generator's phase,
    DAMSM's word loss without a loop, channels-last, Adam and the average over all parameters at once, one read of all
    losses, denormal numbers as zero; and bfloat16 if `bfloat16`.
    """

    def __init__(self, config, text_encoder, image_encoder, tuned=False, bfloat16=False):
        self.config, self.tuned, self.bfloat16, self.steps = config, tuned, bfloat16, 0
        self.text_encoder, self.image_encoder = text_encoder.eval(), image_encoder.eval()
        first, training = config["generator"]["firstSize"], config["training"]
        self.sizes = [first * 2**i for i in range(config["generator"]["stages"])]
        self.generator, self.average = Generator(config), Generator(config)
        df, text = config["discriminator"]["width"], config["text"]["width"]
        self.discriminators = [Discriminator(size, df, text) for size in self.sizes]
        for part in (self.text_encoder, self.image_encoder, self.average):
            part.requires_grad_(False)
        self.average.eval().load_state_dict(self.generator.state_dict())
        networks = [self.generator, *self.discriminators]
        if tuned:
            torch.set_flush_denormal(True)
            for network in [*networks, self.average, self.image_encoder]:
                network.to(memory_format=torch.channels_last)
        rates = training["learningRate"]
        self.optimizers = [
            torch.optim.Adam(
                network.parameters(),
                lr=rates["generator" if network is self.generator else "discriminator"],
                betas=training["betas"],
                **({"foreach": True} if tuned else {}),
            )
            for network in networks
        ]

    def step(self, batch, z=None, epsilon=None):
        """One step. Returns all losses, and other values to log, as numbers by name."""
        with torch.no_grad():
            words, sentence = self.text_encoder(batch["tokens"], batch["lengths"])
        text = words, sentence, mask_of(batch["lengths"])
        same, count = batch["same"], len(batch["lengths"])
        if z is None:
            z = torch.randn(count // 2, self.config["generator"]["noise"]).repeat(2, 1)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            fakes, mu, logvar = self.generator(z, text, epsilon)
            log = {}
            for i, (net, optimizer, real, fake) in enumerate(
                zip(self.discriminators, self.optimizers[1:], batch["images"], fakes), 1
            ):
                if self.tuned:
                    net.requires_grad_(True)
                loss, values = self.discriminator_loss(net, real, fake, text[1], same)
                self.minimize(loss, optimizer)
                torch.clear_autocast_cache()  # It holds copies of the weights from before this update.
                for name, value in values.items():
                    log[name.format(f"stage{i}")] = self.read(value)
            loss, values = self.generator_loss(fakes, wide(mu), wide(logvar), text, batch)
            self.minimize(loss, self.optimizers[0])
            torch.clear_autocast_cache()
            log.update({name: self.read(value) for name, value in values.items()})
        self.steps += 1
        self.update_average()
        return dict(zip(log, torch.stack(list(log.values())).tolist())) if self.tuned else log

    def read(self, value):
        return value.detach() if self.tuned else value.item()

    def minimize(self, loss, optimizer):
        optimizer.zero_grad(set_to_none=self.tuned)
        with torch.autocast("cpu", enabled=False):
            loss.backward()
        optimizer.step()

    def discriminator_loss(self, net, real, fake, sentence, same):
        real_features, fake_features = net(real), net(fake.detach())
        logits = {
            "realConditional": net.COND_DNET(real_features, sentence),
            "fakeConditional": net.COND_DNET(fake_features, sentence),
            "wrong": net.COND_DNET(real_features[:-1], sentence[1:]),
            "real": net.UNCOND_DNET(real_features),
            "fake": net.UNCOND_DNET(fake_features),
        }
        terms = {name: bce(own, 1.0 if name.startswith("real") else 0.0) for name, own in logits.items()}
        adversarial = (terms["real"] + terms["realConditional"]) / 2
        adversarial = adversarial + (terms["fake"] + terms["fakeConditional"] + terms["wrong"]) / 3
        loss = adversarial
        if self.config["contrastive"]["discriminator"]:
            terms["contrastive"] = contrastive_loss(fake_features, same, self.config)
            loss = loss + self.config["contrastive"]["weight"] * terms["contrastive"]
        values = {f"discriminator/{{}}/{name}": value for name, value in terms.items()}
        values.update({"discriminator/{}/adversarial": adversarial, "discriminator/{}/sum": loss})
        values.update({f"probability/{{}}/{name}": wide(own.detach()).sigmoid().mean() for name, own in logits.items()})
        return loss, values

    def generator_loss(self, fakes, mu, logvar, text, batch):
        config, sentence, same = self.config, text[1], batch["same"]
        total, values = 0, {}
        for i, (net, fake) in enumerate(zip(self.discriminators, fakes), 1):
            if self.tuned:
                net.requires_grad_(False)
            features = net(fake)
            unconditional, conditional = bce(net.UNCOND_DNET(features), 1.0), bce(net.COND_DNET(features, sentence), 1.0)
            total = total + unconditional + conditional
            values[f"generator/stage{i}/fake"], values[f"generator/stage{i}/fakeConditional"] = unconditional, conditional
            if config["contrastive"]["generator"]:
                pairs = contrastive_loss(features, same, config)
                total = total + config["contrastive"]["weight"] * pairs
                values[f"contrastive/stage{i}"] = pairs
            d = distances(features.detach())
            values[f"distance/stage{i}/same"] = (d * same).sum() / same.sum()
            values[f"distance/stage{i}/different"] = (d * (1 - same)).sum() / (1 - same).sum()
        kl = -0.5 * torch.mean(1 + logvar - mu.pow(2) - logvar.exp())
        by_words, by_sentence = damsm_losses(self.image_encoder, fakes[-1], text, batch, config, self.tuned)
        training = config["training"]
        total = total + training["klWeight"] * kl + training["damsmWeight"] * (by_words + by_sentence)
        values.update({"kl": kl, "damsm/words": by_words, "damsm/sentence": by_sentence, "generator/sum": total})
        return total, values

    @torch.no_grad()
    def update_average(self):
        """average ← decay · average + (1 − decay) · generator, for parameters and for BN's statistics."""
        decay = min(self.config["training"]["average"], (1 + self.steps) / (10 + self.steps))
        own, other = (list(net.state_dict().values()) for net in (self.average, self.generator))
        floats = [pair for pair in zip(own, other) if pair[0].is_floating_point()]
        if self.tuned:
            mine, theirs = map(list, zip(*floats))
            torch._foreach_mul_(mine, decay)
            torch._foreach_add_(mine, theirs, alpha=1 - decay)
        else:
            for mine, theirs in floats:
                mine.lerp_(theirs, 1 - decay)
        for mine, theirs in zip(own, other):
            if not mine.is_floating_point():
                mine.copy_(theirs)
