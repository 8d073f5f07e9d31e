"""DAMSM in plain PyTorch. The word loss loops over the captions, as the published code does.

Written for this project from the paper (Xu et al., CVPR 2018, §3.2).
"""

import torch
import torch.nn.functional as F
from attngan import block3x3, down_block, leaky
from torch import nn


class Whitening(nn.Module):
    """With the statistics of a trained text encoder."""

    def __init__(self, width):
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("covariance", torch.zeros(width, width))
        self.register_buffer("batches", torch.tensor(0))
        self.register_buffer("projection", torch.eye(width))

    def forward(self, features):
        return (features - self.mean) @ self.projection


class TextEncoder(nn.Module):
    def __init__(self, vocabulary, embedding=300, width=256, sentence="last", whiten=False):
        super().__init__()
        self.encoder, self.drop = nn.Embedding(vocabulary, embedding), nn.Dropout(0.5)
        self.rnn = nn.LSTM(embedding, width // 2, 1, batch_first=True, bidirectional=True)
        self.sentence = sentence
        if whiten:
            self.wordWhitening, self.sentenceWhitening = Whitening(width), Whitening(width)
        else:
            self.wordWhitening = self.sentenceWhitening = nn.Identity()

    def forward(self, tokens, lengths):
        embedded = self.drop(self.encoder(tokens))
        embedded = nn.utils.rnn.pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        output, (hidden, _) = self.rnn(embedded)
        words, _ = nn.utils.rnn.pad_packed_sequence(output, batch_first=True)
        if self.sentence == "mean":  # Places after a caption's end are 0.
            sentence = words.sum(1) / torch.as_tensor(lengths, dtype=words.dtype).unsqueeze(1)
        else:
            sentence = hidden.transpose(0, 1).contiguous().view(tokens.size(0), -1)
        return self.wordWhitening(words).transpose(1, 2), self.sentenceWhitening(sentence)


class ImageEncoder(nn.Module):
    """This project's small convolutional image encoder."""

    def __init__(self, width, text, size):
        super().__init__()
        first = nn.Sequential(nn.Conv2d(3, width, 4, 2, 1, bias=False), leaky())
        down = [down_block(width, 2 * width), down_block(2 * width, 4 * width)]
        self.local = nn.Sequential(first, *down, block3x3(4 * width, 4 * width))
        self.regions = nn.Conv2d(4 * width, text, 1, bias=False)
        self.last, self.code = down_block(4 * width, 8 * width), nn.Linear(8 * width * (size // 16) ** 2, text)

    def forward(self, images):
        hidden = self.local(images)
        return self.regions(hidden), self.code(self.last(hidden).flatten(1))


def damsm_step(text_encoder, image_encoder, optimizer, images, tokens, lengths):
    labels = torch.arange(len(lengths))
    words, sentence = text_encoder(tokens, lengths)
    regions, code = image_encoder(images)
    by_word, by_sentence = words_loss(regions, words, labels, lengths), sentence_loss(code, sentence, labels)
    optimizer.zero_grad()
    sum(by_word + by_sentence).backward()
    nn.utils.clip_grad_norm_(text_encoder.parameters(), 0.25)
    optimizer.step()


def sentence_loss(code, sentence, labels, class_ids=None, gamma3=10.0):
    norms = torch.norm(code, dim=1, keepdim=True) @ torch.norm(sentence, dim=1, keepdim=True).t()
    return both_ways((code @ sentence.t() / norms.clamp(min=1e-8)) * gamma3, labels, class_ids)


def both_ways(scores, labels, class_ids=None):
    """Cross entropies from image to caption and back. Another image of a caption's class is no wrong answer."""
    if class_ids is not None:
        others = (class_ids.unsqueeze(0) == class_ids.unsqueeze(1)) & ~torch.eye(len(class_ids), dtype=torch.bool)
        scores = scores.masked_fill(others, -float("inf"))
    return F.cross_entropy(scores, labels), F.cross_entropy(scores.t(), labels)


def attend(query, context, gamma1):
    """query [B, D, T], context [B, D, H, W] → [B, D, T]: for each word the attention-weighted sum of the regions."""
    batch, regions = query.size(0), context.size(2) * context.size(3)
    context = context.view(batch, -1, regions)
    attention = torch.bmm(context.transpose(1, 2), query)  # [B, R, T]
    attention = F.softmax(attention.view(batch * regions, -1), dim=1).view(batch, regions, -1)
    attention = attention.transpose(1, 2).contiguous().view(batch * query.size(2), regions) * gamma1
    attention = F.softmax(attention, dim=1).view(batch, -1, regions)
    return torch.bmm(context, attention.transpose(1, 2))


def words_loss(regions, words, labels, lengths, class_ids=None, gamma=(4.0, 5.0, 10.0)):
    """regions [B, D, H, W], words [B, D, T] → the cross entropies of both directions."""
    batch, similarities = regions.size(0), []
    for i, length in enumerate(lengths):
        word = words[i, :, :length].unsqueeze(0).contiguous().repeat(batch, 1, 1)
        context = attend(word, regions, gamma[0])
        word = word.transpose(1, 2).contiguous().view(batch * length, -1)
        context = context.transpose(1, 2).contiguous().view(batch * length, -1)
        row = F.cosine_similarity(word, context, dim=1).view(batch, length)
        similarities.append(row.mul(gamma[1]).exp().sum(dim=1, keepdim=True).log())
    return both_ways(torch.cat(similarities, 1) * gamma[2], labels, class_ids)
