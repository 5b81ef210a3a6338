"""The small encoder network that is trained and exported: BERT and MPNet in one module of explicit operators."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, cast

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from pathlib import Path

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
TOKENIZER_FILE = "tokenizer.json"
STANCES = 4
_FARTHEST = 128
_MASKED = -10000.0


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a network; `relative_buckets` is 0 for one without relative position bias (BERT)."""

    vocabulary: int
    width: int
    depth: int
    heads: int
    inner: int
    positions: int
    relative_buckets: int
    epsilon: float
    pad: int


class Layer(nn.Module):
    """One transformer layer, normalised after each of its two halves."""

    def __init__(self, shape: Shape) -> None:
        """Lay out the weights of one layer."""
        super().__init__()
        width, self.heads = shape.width, shape.heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.output = nn.Linear(width, width)
        self.attention_norm = nn.LayerNorm(width, eps=shape.epsilon)
        self.ffn_in = nn.Linear(width, shape.inner)
        self.ffn_out = nn.Linear(shape.inner, width)
        self.ffn_norm = nn.LayerNorm(width, eps=shape.epsilon)

    def forward(self, states: Tensor, bias: Tensor, *, first_only: bool = False) -> Tensor:
        """Map (batch, length, width) to the same shape, or to (batch, 1, width) when only the first token is wanted.

        `bias` is added to the attention scores and broadcasts to (batch, heads, length, length).
        """
        asking = states[:, :1] if first_only else states
        if first_only:
            bias = bias[:, :, :1]
        query, key, value = (
            self._split(self.query(asking)),
            self._split(self.key(states)),
            self._split(self.value(states)),
        )
        scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1]) + bias
        mixed = (torch.softmax(scores, -1) @ value).transpose(1, 2).flatten(2)
        attended = self.attention_norm(self.output(mixed) + asking)
        return cast("Tensor", self.ffn_norm(self.ffn_out(functional.gelu(self.ffn_in(attended))) + attended))

    def _split(self, states: Tensor) -> Tensor:
        batch, length, width = states.shape
        return states.reshape(batch, length, self.heads, width // self.heads).transpose(1, 2)


class Encoder(nn.Module):
    """Token ids in, token states out."""

    def __init__(self, shape: Shape) -> None:
        """Lay out the weights of an encoder."""
        super().__init__()
        self.shape = shape
        self.word = nn.Embedding(shape.vocabulary, shape.width)
        self.position = nn.Parameter(torch.empty(shape.positions, shape.width).normal_(std=0.02))
        self.norm = nn.LayerNorm(shape.width, eps=shape.epsilon)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.depth))
        if shape.relative_buckets:
            self.relative = nn.Parameter(torch.empty(shape.relative_buckets, shape.heads).normal_(std=0.02))
            self.register_buffer("buckets", relative_buckets(shape.positions, shape.relative_buckets), persistent=False)

    def forward(self, ids: Tensor, mask: Tensor, *, first_only: bool = False) -> Tensor:
        """Encode `ids` (batch, length) under `mask` (1 for a token, 0 for padding; padding is on the right).

        Gives (batch, length, width); with `first_only` the last layer computes the first token alone and gives
        (batch, 1, width), which is exact and saves most of that layer.
        """
        length = ids.shape[1]
        states = self.norm(self.word(ids) + self.position[:length])
        bias = (1.0 - mask.to(states.dtype))[:, None, None, :] * _MASKED
        if self.shape.relative_buckets:
            bias = bias + self.relative_bias(length)
        for index, layer in enumerate(self.layers):
            states = layer(states, bias, first_only=first_only and index == len(self.layers) - 1)
        return cast("Tensor", states)

    def relative_bias(self, length: int) -> Tensor:
        """Give MPNet's bias of the attention scores by distance: (1, heads, length, length)."""
        return self.relative[cast("Tensor", self.buckets)[:length, :length]].permute(2, 0, 1)[None]


class Judge(nn.Module):
    """An encoder with a four-way head over its first token, in the order of `Stance`."""

    def __init__(self, shape: Shape) -> None:
        """Lay out the weights of a judge; the head starts small and random."""
        super().__init__()
        self.encoder = Encoder(shape)
        self.dense = nn.Linear(shape.width, shape.width)
        self.out = nn.Linear(shape.width, STANCES)
        for linear in (self.dense, self.out):
            nn.init.normal_(linear.weight, std=0.02)
            nn.init.zeros_(linear.bias)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Give logits of shape (batch, 4)."""
        first = self.encoder(ids, mask, first_only=True)[:, 0]
        return cast("Tensor", self.out(torch.tanh(self.dense(first))))


class Embedder(nn.Module):
    """An encoder whose token states are averaged into one vector of length 1."""

    def __init__(self, encoder: Encoder) -> None:
        """Wrap `encoder`."""
        super().__init__()
        self.encoder = encoder

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Give L2-normalised vectors of shape (batch, width)."""
        weight = mask.to(torch.float32)[:, :, None]
        states = self.encoder(ids, mask)
        return functional.normalize((states * weight).sum(1) / weight.sum(1), dim=-1)


def relative_buckets(length: int, buckets: int) -> Tensor:
    """Give MPNet's bucket number, 0 to `buckets - 1`, for each pair of positions: (length, length), T5's rule."""
    positions = torch.arange(length)
    offset = positions[:, None] - positions[None, :]
    half = buckets // 2
    near = half // 2
    distance = offset.abs()
    far = torch.log(distance.clamp(min=1).float() / near) / math.log(_FARTHEST / near) * (half - near)
    far_bucket = (near + far.long()).clamp(max=half - 1)
    return (offset < 0).long() * half + torch.where(distance < near, distance, far_bucket)


def read_shape(folder: Path) -> Shape:
    """Read the sizes of the network in `folder`."""
    return Shape(**json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8")))


def write_network(folder: Path, shape: Shape, weights: dict[str, Tensor]) -> None:
    """Write `config.json` and `model.safetensors` into `folder`, which is made when missing."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG_FILE).write_text(json.dumps(asdict(shape), indent=1) + "\n", encoding="utf-8")
    save_file({name: tensor.detach().contiguous() for name, tensor in weights.items()}, folder / WEIGHTS_FILE)


def open_encoder(folder: Path) -> Encoder:
    """Open a base folder's encoder with all its layers."""
    encoder = Encoder(read_shape(folder))
    encoder.load_state_dict(load_file(folder / WEIGHTS_FILE))
    return encoder


def open_judge(folder: Path) -> Judge:
    """Open a trained judge."""
    judge = Judge(read_shape(folder))
    judge.load_state_dict(load_file(folder / WEIGHTS_FILE))
    return judge


def judge_from_base(folder: Path, *, layers: int = 0) -> Judge:
    """Make an untrained judge from the first `layers` layers of a base (0: all of them)."""
    base = read_shape(folder)
    depth = layers or base.depth
    judge = Judge(replace(base, depth=depth))
    kept = {
        name: tensor
        for name, tensor in load_file(folder / WEIGHTS_FILE).items()
        if not name.startswith("layers.") or int(name.split(".")[1]) < depth
    }
    judge.encoder.load_state_dict(kept)
    return judge
