"""What runs a Vision Transformer: the backends agree, and `auto` measures."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from models.transformer import runtime
from models.transformer.onnx import build, export, kept_at
from models.transformer.runtime import MEASURED, choose, milliseconds, open_backend, situation
from models.transformer.vision_transformer import Config, VisionTransformer, normalise
from tests.learning.transformer.test_vision_transformer import SMALL, random_network
from tests.support.paths import ROOT


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache folder for what is converted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield Path(os.environ["XDG_CACHE_HOME"]) / "agentspace" / "onnx"


IMAGE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("config", "size"),
    [(SMALL, 64), (SMALL, 96), (Config(patch=8, width=48, heads=2, depth=2, image=64, expansion=2), 24)],
)
def test_onnx_is_the_same_network(config: Config, size: int) -> None:
    """onnxruntime gives what PyTorch gives, also at sizes that the positions were not learned for."""
    network = random_network(config)
    image = np.random.default_rng(1).integers(0, 256, (size, size, 3), dtype=np.uint8)
    found = open_backend(network, "onnx", size)(image)
    expected = network(normalise(torch.from_numpy(image[None])), attention="all")
    np.testing.assert_allclose(found.class_token, expected.class_token[0], atol=1e-4)
    np.testing.assert_allclose(found.mean, expected.mean[0], atol=1e-4)
    np.testing.assert_allclose(found.patches, expected.patches[0], atol=1e-4)
    np.testing.assert_allclose(found.attention, expected.maps[0], atol=1e-4)


def test_onnx_of_images_that_are_not_square(tmp_path: Path) -> None:
    """The exported file runs alone, with an image that is wider than high."""
    network = random_network(SMALL)
    export(network, tmp_path / "net.onnx", 48, 80)
    onnx.checker.check_model(onnx.load(tmp_path / "net.onnx"))
    from models.files.onnx import open_session

    image = np.random.default_rng(1).integers(0, 256, (1, 48, 80, 3), dtype=np.uint8)
    found = open_session(tmp_path / "net.onnx").run(["patches"], {"image": image})[0]
    np.testing.assert_allclose(found, network(normalise(torch.from_numpy(image))).patches, atol=1e-4)
    with pytest.raises(ValueError, match="images of 50x80 pixels; valid are multiples of 16"):
        build(network, 50, 80)


def test_a_network_is_converted_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file in the cache folder is opened the next time; other weights, sizes and networks have their own."""
    made: list[VisionTransformer] = []
    monkeypatch.setattr(
        "models.transformer.onnx.build", lambda network, *size: made.append(network) or build(network, *size)
    )
    small = Config(patch=16, width=48, heads=3, depth=1, image=64)
    networks = [random_network(small), random_network(small, seed=1), random_network(replace(small, heads=2))]
    first = [open_backend(network, "onnx", 64)(IMAGE).class_token for network in networks]
    assert np.array_equal(first[0], open_backend(networks[0], "onnx", 64)(IMAGE).class_token)
    open_backend(networks[0], "onnx", 32)
    assert made == [*networks, networks[0]]

    kept = kept_at(networks[0], 64)
    assert kept.parent == cache
    kept.write_bytes(kept.read_bytes()[:1000])
    assert np.array_equal(first[0], open_backend(networks[0], "onnx", 64)(IMAGE).class_token)
    open_backend(networks[0], "onnx", 64)
    assert len(made) == 5


def test_a_cache_folder_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told, and the network runs nevertheless."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert open_backend(random_network(SMALL), "onnx", 64)(IMAGE).mean.shape == (96,)
    assert "the network will be converted again" in capsys.readouterr().err


def test_an_exported_file_tells_nothing_of_the_machine() -> None:
    """No path of it; and the same network gives the same bytes."""
    network = random_network(SMALL)
    content = build(network, 32, 32)
    assert str(ROOT).encode() not in content
    assert b"site-packages" not in content
    assert content == build(network, 32, 32)


@pytest.mark.parametrize("backend", MEASURED)
def test_backends_agree(backend: str) -> None:
    """float32 to 1e-4, bfloat16 in direction to 1 part in 1 000; types and shapes are the same."""
    network = random_network(SMALL)
    expected = open_backend(network, "torch", 64)(IMAGE)
    found = open_backend(network, backend, 64)(IMAGE)
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours.shape, ours.dtype) == (theirs.shape, np.float32)
        if backend == "torch-bf16":
            assert np.vdot(ours, theirs) / np.linalg.norm(ours) / np.linalg.norm(theirs) > 0.999
        else:
            np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.mark.skipif(shutil.which("c++") is None, reason="compiling needs a C++ compiler")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_compiled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A compiled network gives the same."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("TORCHINDUCTOR_COMPILE_THREADS", "1")
    network = random_network(SMALL)
    found = open_backend(network, "torch-compile", 64)(IMAGE)
    np.testing.assert_allclose(found.class_token, open_backend(network, "torch", 64)(IMAGE).class_token, atol=1e-4)


def test_auto_measures_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fastest is taken, remembered for this machine, network and size, and measured anew for others."""
    network = random_network(SMALL)
    record = tmp_path / "deep" / "backends.json"
    measured: list[int] = []
    times = {"onnx": 3.0, "torch": 1.0, "torch-bf16": 2.0}
    monkeypatch.setattr(runtime, "measure", lambda network, size, threads: measured.append(size) or times)
    assert [choose(network, 64, record=record) for _ in range(3)] == ["torch"] * 3
    assert measured == [64]
    choose(network, 96, record=record)
    choose(network, 64, threads=2, record=record)
    assert measured == [64, 96, 64]
    assert set(json.loads(record.read_text())) == {
        situation(network, *each) for each in ((64, 1), (96, 1), (64, 2))
    }


@pytest.mark.parametrize("content", ["{", "[]", '{"x": 3}', '{"KEY": {"onnx": "fast"}}', '{"KEY": {"onnx": 1}}'])
def test_a_damaged_record_is_measured_again(content: str, tmp_path: Path) -> None:
    """It is only a cache."""
    network = random_network(SMALL)
    record = tmp_path / "backends.json"
    record.write_text(content.replace("KEY", situation(network, 64, 1)))
    assert choose(network, 64, record=record) in MEASURED
    assert set(json.loads(record.read_text())[situation(network, 64, 1)]) == set(MEASURED)


def test_a_record_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is told, and the choice is made nevertheless."""
    (tmp_path / "file").write_text("")
    assert choose(random_network(SMALL), 64, record=tmp_path / "file" / "backends.json") in MEASURED
    assert "measured again" in capsys.readouterr().err


def test_what_is_not_valid_is_refused() -> None:
    """The message lists the backends."""
    network = random_network(SMALL)
    with pytest.raises(ValueError, match="backend 'cuda'; valid are auto, onnx, torch, torch-bf16, torch-compile"):
        open_backend(network, "cuda")
    for backend in ("onnx", "torch"):
        with pytest.raises(ValueError, match="threads is 0"):
            open_backend(network, backend, 64, threads=0)


def test_milliseconds_takes_the_best() -> None:
    """Two calls that do not count, then as many as wanted."""
    calls: list[tuple[int, ...]] = []
    assert milliseconds(lambda image: calls.append(image.shape), 8, repeats=3) < 1000  # type: ignore[arg-type,return-value]  # only called
    assert calls == [(8, 8, 3)] * 5


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It measures, tells, and remembers what `auto` will take."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("models.transformer.vision_transformer.CONFIGS", {"dino-vits8": SMALL})
    assert runtime.main(["dino-vits8", "--size", "64", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) == set(MEASURED)
    remembered = json.loads((tmp_path / "agentspace" / "backends.json").read_text())
    assert remembered == {situation(VisionTransformer(SMALL), 64, 1): told}
    assert runtime.main(["dino-vits8", "--size", "64"]) == 0
    assert capsys.readouterr().out.count(" ms\n") == 3
