"""Checkpoints of Vision Transformers: layouts, and files that must be refused."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from models.files.artifact import ArtifactError
from models.transformer.checkpoint import convert, fingerprint, load, read
from models.transformer.vision_transformer import CONFIGS, Config, VisionTransformer

SMALL = Config(patch=16, width=48, heads=3, depth=2, image=64)
State = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def network() -> VisionTransformer:
    torch.manual_seed(0)
    return VisionTransformer(SMALL).eval().requires_grad_(False)


def huggingface(state: State, prefix: str = "") -> State:
    """The state as HuggingFace's ViTModel names it, written down independently of the reader."""
    d = SMALL.width
    found = {
        "embeddings.cls_token": state["cls_token"],
        "embeddings.position_embeddings": state["pos_embed"],
        "embeddings.patch_embeddings.projection.weight": state["patch_embed.proj.weight"],
        "embeddings.patch_embeddings.projection.bias": state["patch_embed.proj.bias"],
        "layernorm.weight": state["norm.weight"],
        "layernorm.bias": state["norm.bias"],
        "pooler.dense.weight": torch.ones(d, d),
        "pooler.dense.bias": torch.ones(d),
    }
    for i in range(SMALL.depth):
        for kind in ("weight", "bias"):
            theirs, ours = f"encoder.layer.{i}", f"blocks.{i}"
            for place, part in enumerate(("query", "key", "value")):
                whole = state[f"{ours}.attn.qkv.{kind}"]
                found[f"{theirs}.attention.attention.{part}.{kind}"] = whole[place * d : (place + 1) * d].clone()
            found[f"{theirs}.attention.output.dense.{kind}"] = state[f"{ours}.attn.proj.{kind}"]
            found[f"{theirs}.intermediate.dense.{kind}"] = state[f"{ours}.mlp.fc1.{kind}"]
            found[f"{theirs}.output.dense.{kind}"] = state[f"{ours}.mlp.fc2.{kind}"]
            found[f"{theirs}.layernorm_before.{kind}"] = state[f"{ours}.norm1.{kind}"]
            found[f"{theirs}.layernorm_after.{kind}"] = state[f"{ours}.norm2.{kind}"]
    return {prefix + name: value for name, value in found.items()}


def training(state: State) -> dict[str, Any]:
    """A training file of DINO: student and teacher, with their heads, and numbers."""
    teacher = {f"backbone.{name}": value for name, value in state.items()} | {"head.last_layer": torch.ones(3)}
    student = {f"module.backbone.{name}": value + 1 for name, value in state.items()}
    return {"student": student, "teacher": teacher, "epoch": 3}


LAYOUTS: dict[str, Callable[[State], Any]] = {
    "dino": lambda state: state,
    "training": training,
    "timm": lambda state: state | {"head.weight": torch.ones(10, SMALL.width), "head.bias": torch.ones(10)},
    "data parallel": lambda state: {"state_dict": {f"module.{name}": value for name, value in state.items()}},
    "half": lambda state: {name: value.half() for name, value in state.items()},
    "huggingface": huggingface,
    "huggingface, with its head": lambda state: (
        huggingface(state, "vit.") | {"classifier.weight": torch.ones(2, 2)}
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout: str, network: VisionTransformer, tmp_path: Path) -> None:
    """Whatever the layout, it is the same network, with the same fingerprint (half precision but for rounding)."""
    path = tmp_path / "checkpoint.pth"
    torch.save(LAYOUTS[layout](network.state_dict()), path)
    found = load(path, SMALL)
    x = torch.randn(1, 3, 64, 64)
    tolerance = 1e-2 if layout == "half" else 0
    torch.testing.assert_close(found(x).class_token, network(x).class_token, atol=tolerance, rtol=0)
    assert (fingerprint(found) == fingerprint(network)) == (layout != "half")
    assert not any(parameter.requires_grad for parameter in found.parameters())


@pytest.mark.parametrize("old", [False, True])
def test_formats(old: bool, network: VisionTransformer, tmp_path: Path) -> None:
    """PyTorch's format, its older one, and safetensors."""
    path = tmp_path / "checkpoint"
    torch.save(network.state_dict(), path, _use_new_zipfile_serialization=not old)
    assert fingerprint(load(path, SMALL)) == fingerprint(network)
    save_file(huggingface(network.state_dict()), path)
    assert fingerprint(load(path, SMALL)) == fingerprint(network)


def test_the_names_are_those_that_huggingface_and_timm_have(network: VisionTransformer) -> None:
    """What is written in another layout comes back by our names, all of them."""
    for make in (huggingface, LAYOUTS["timm"]):
        assert set(convert(make(network.state_dict()))) == set(network.state_dict())


class Evil:
    """Would make a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.mkdir, (self.path,)


@pytest.mark.parametrize(
    "save", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value, protocol=2))]
)
def test_pickled_code_is_never_executed(save: Callable[[Any, Path], None], tmp_path: Path) -> None:
    """A checkpoint with code is refused, and the code has not run."""
    save({"cls_token": Evil(tmp_path / "done")}, tmp_path / "evil.pth")
    with pytest.raises(ArtifactError, match=r"evil\.pth"):
        read(tmp_path / "evil.pth")
    assert not (tmp_path / "done").exists()


def test_pickled_code_is_told(tmp_path: Path) -> None:
    """The message says what is wrong with it."""
    torch.save({"cls_token": Evil(tmp_path / "done")}, tmp_path / "evil.pth")
    with pytest.raises(ArtifactError, match=r"holds pickled code, which is not executed \(.*global"):
        read(tmp_path / "evil.pth")


class Command:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, ("exit 1",))


@pytest.mark.parametrize("kind", ["pth", "pickle"])
def test_commands_are_told(kind: str, tmp_path: Path) -> None:
    """Modules that PyTorch blocks, and plain pickles, are not called damaged; no advice to execute them."""
    path = tmp_path / "evil"
    if kind == "pth":
        torch.save({"cls_token": Command()}, path)
    else:
        path.write_bytes(pickle.dumps({"cls_token": Command()}))
    with pytest.raises(ArtifactError, match=r"holds? pickled code, which is not executed") as caught:
        read(path)
    assert "weights_only" not in str(caught.value)


def test_safetensors_whose_length_looks_like_a_pickle(tmp_path: Path) -> None:
    """The first bytes are the length of the header: 0x480 is no protocol of pickle."""
    header = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode().ljust(0x480)
    (tmp_path / "a").write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 4)
    assert read(tmp_path / "a")["a"].tolist() == [0.0]


@pytest.mark.parametrize("kind", ["pth", "old", "safetensors"])
def test_files_that_are_cut_off(kind: str, network: VisionTransformer, tmp_path: Path) -> None:
    """Cut anywhere, a file is refused with an error that names it."""
    path = tmp_path / "weights"
    if kind == "safetensors":
        save_file(dict(network.state_dict()), path)
    else:
        torch.save(network.state_dict(), path, _use_new_zipfile_serialization=kind == "pth")
    whole = path.read_bytes()
    for share in (0.0, 1e-3, 0.3, 0.9, 0.999):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(ArtifactError, match=r"weights (is cut off|is empty)"):
            load(path, SMALL)


def test_other_files(tmp_path: Path) -> None:
    """Missing, foreign, or not of tensors: said so."""
    with pytest.raises(ArtifactError, match="cannot be read: No such file"):
        read(tmp_path / "absent")
    (tmp_path / "page").write_text("<html>Please log in</html>")
    with pytest.raises(ArtifactError, match="page is cut off, or not a checkpoint"):
        read(tmp_path / "page")
    for content, message in (
        ([1, 2], "holds a list"),
        ({}, "holds a dict, not tensors by name"),
        ({"a": 1, "b": torch.ones(1)}, "other things than tensors: a"),
    ):
        torch.save(content, tmp_path / "other")
        with pytest.raises(ArtifactError, match=message):
            load(tmp_path / "other", SMALL)


@pytest.mark.parametrize(
    ("other", "messages"),
    [
        (Config(patch=8, width=48, heads=3, depth=2, image=64), ["patch_embed.proj.weight", "(48, 3, 8, 8)"]),
        (Config(patch=16, width=96, heads=3, depth=2, image=64), ["cls_token (1, 1, 96) instead of (1, 1, 48)"]),
        (Config(patch=16, width=48, heads=3, depth=3, image=64), ["unexpected: blocks.2.norm1.weight", "8 more"]),
        (Config(patch=16, width=48, heads=3, depth=1, image=64), ["missing: blocks.1.norm1.weight"]),
        (Config(patch=16, width=48, heads=3, depth=2, image=96), ["pos_embed (1, 37, 48) instead of (1, 17, 48)"]),
    ],
)
def test_another_architecture_is_refused(other: Config, messages: list[str], tmp_path: Path) -> None:
    """The message names what is missing, unexpected, or of another shape."""
    torch.save(VisionTransformer(other).state_dict(), tmp_path / "other.pth")
    with pytest.raises(ArtifactError, match="is of another architecture") as caught:
        load(tmp_path / "other.pth", SMALL)
    for message in messages:
        assert message in str(caught.value)


def test_weights_of_another_known_network_are_called_by_its_name(tmp_path: Path) -> None:
    """So that one only has to say network=NAME."""
    torch.save(VisionTransformer(CONFIGS["vit-tiny16"]).state_dict(), tmp_path / "other.pth")
    with pytest.raises(ArtifactError, match=r"and 146 more; it is one of vit-tiny16$"):
        load(tmp_path / "other.pth", CONFIGS["dino-vits8"])


def test_weights_that_are_not_finite_are_refused(network: VisionTransformer, tmp_path: Path) -> None:
    """NaN in a checkpoint would make every answer NaN."""
    torch.save(network.state_dict() | {"norm.bias": torch.full((48,), torch.nan)}, tmp_path / "nan.pth")
    with pytest.raises(ArtifactError, match="not finite"):
        load(tmp_path / "nan.pth", SMALL)
