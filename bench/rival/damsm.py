"""DAMSM's loss by words in plain PyTorch, caption by caption as the published code takes it.

Written for this project from the paper (Xu et al., CVPR 2018, §3.2).
"""

import torch
import torch.nn.functional as F


def attend(query, context, gamma1):
    """query [B, D, T], context [B, D, H, W] → [B, D, T]: for each word its mixture of regions."""
    batch, regions = query.size(0), context.size(2) * context.size(3)
    context = context.view(batch, -1, regions)
    attention = torch.bmm(context.transpose(1, 2), query)  # [B, R, T]
    attention = F.softmax(attention.view(batch * regions, -1), dim=1).view(batch, regions, -1)
    attention = attention.transpose(1, 2).contiguous().view(batch * query.size(2), regions) * gamma1
    attention = F.softmax(attention, dim=1).view(batch, -1, regions)
    return torch.bmm(context, attention.transpose(1, 2))


def words_loss(regions, words, labels, lengths, gamma=(4.0, 5.0, 10.0)):
    """regions [B, D, H, W], words [B, D, T] → both cross entropies."""
    batch, similarities = regions.size(0), []
    for i, length in enumerate(lengths):
        word = words[i, :, :length].unsqueeze(0).contiguous().repeat(batch, 1, 1)
        context = attend(word, regions, gamma[0])
        word = word.transpose(1, 2).contiguous().view(batch * length, -1)
        context = context.transpose(1, 2).contiguous().view(batch * length, -1)
        row = F.cosine_similarity(word, context, dim=1).view(batch, length)
        similarities.append(row.mul(gamma[1]).exp().sum(dim=1, keepdim=True).log())
    scores = torch.cat(similarities, 1) * gamma[2]
    return F.cross_entropy(scores, labels), F.cross_entropy(scores.transpose(0, 1), labels)
