"""What runs a Vision Transformer: the backends agree, and `auto` measures."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from models.files.artifact import ArtifactError
from models.files.onnx import CPU, CUDA, OPENVINO, open_session
from models.transformer import runtime
from models.transformer.backends import open_backend, why_not
from models.transformer.cuda import why_no_gpu
from models.transformer.onnx import build, export, kept_at
from models.transformer.runtime import (
    MEASURED,
    Measured,
    Timed,
    choose,
    decide,
    measure,
    pick,
    situation,
    told,
)
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


@pytest.mark.parametrize("backend", [backend for backend in MEASURED if not why_not(backend)])
def test_backends_agree(backend: str) -> None:
    """float32 to 1e-4, bfloat16 in direction to 1 part in 1 000; types and shapes are the same."""
    network = random_network(SMALL)
    expected = open_backend(network, "torch", 64)(IMAGE)
    found = open_backend(network, backend, 64)(IMAGE)
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours.shape, ours.dtype) == (theirs.shape, np.float32)
        assert ours is not None
        assert theirs is not None
        if "bf16" in backend:
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


TIMES = [Timed("onnx", 1, 3.0, 0.0), Timed("torch", 1, 1.0, 0.0), Timed("torch-bf16", 1, 2.0, 1e-5)]


def test_auto_measures_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fastest is taken, remembered for this machine, network, size and threads; for others it is measured."""
    network = random_network(SMALL)
    record = tmp_path / "deep" / "backends.json"
    measured: list[Any] = []

    def measure(network: Any, size: int, threads: Any, backends: Any) -> Measured:
        measured.append((size, threads))
        return Measured(TIMES, {})

    monkeypatch.setattr(runtime, "measure", measure)
    choices = [choose(network, 64, record=record) for _ in range(3)]
    assert [(choice.backend, choice.threads) for choice in choices] == [("torch", 1)] * 3
    assert measured == [(64, (1,))]
    choose(network, 96, record=record)
    choose(network, 64, (1, 2), record=record)
    assert measured == [(64, (1,)), (96, (1,)), (64, (1, 2))]
    assert set(json.loads(record.read_text())) == {
        situation(network, *each) for each in ((64, (1,)), (96, (1,)), (64, (1, 2)))
    }


def test_what_is_measured_is_what_runs_here() -> None:
    """All backends of the processor; of those that cannot run there is a reason."""
    found = measure(random_network(SMALL), 64, (1, 2))
    assert {one.backend for one in found.times} >= {"onnx", "torch", "torch-bf16"}
    assert {one.backend for one in found.times} | set(found.left_out) == set(MEASURED)
    assert {one.threads for one in found.times} <= {1, 2}
    assert all(one.ms > 0 for one in found.times)
    assert all(one.deviation < (1e-3 if "bf16" in one.backend else 1e-6) for one in found.times)


def test_all_numbers_of_threads_take_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each backend with each; a GPU has none of them. All meet in one race, and each gets its own time."""
    network = random_network(SMALL)
    times = {("onnx", 1): 0.008, ("onnx", 2): 0.005, ("torch", 1): 0.009, ("torch", 2): 0.0075, ("cuda", 1): 0.001}
    opened: list[tuple[str, int]] = []
    plain = open_backend(network, "torch", 64)

    def opens(network: Any, backend: str, size: int, threads: int, patches: bool = True) -> Any:
        opened.append((backend, threads))
        return plain

    def race(runs: list[Any]) -> list[float]:
        assert len(runs) == len(times)
        assert all(run().mean.shape == (96,) for run in runs)
        return list(times.values())

    monkeypatch.setattr(runtime, "open_backend", opens)
    monkeypatch.setattr(runtime, "why_not", lambda backend: "")
    monkeypatch.setattr(runtime, "race", race)
    found = measure(network, 64, (1, 2), ("onnx", "torch", "cuda"))
    assert opened == [("torch", 2), *times]  # the first for what the features should be
    assert [(one.backend, one.threads, one.ms) for one in found.times] == [
        (*key, 1e3 * seconds) for key, seconds in times.items()
    ]


def test_of_nearly_equal_ones_that_with_the_fewest_threads_is_taken() -> None:
    """A thread more takes a core from the other agents; what is clearly faster is taken all the same."""
    ways = [Timed("onnx", 1, 30.0, 0.0), Timed("onnx", 2, 20.0, 0.0), Timed("torch-bf16", 1, 20.9, 0.0)]
    assert pick(ways) == ways[2]
    assert pick(ways[:2]) == ways[1]


def test_a_backend_that_fails_or_errs_is_left_out_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too little memory on a GPU, or other features than PyTorch's on the processor: the others are measured."""
    network = random_network(SMALL)
    plain = open_backend(network, "torch", 64)

    def opens(network: Any, backend: str, size: int, threads: int, patches: bool = True) -> Any:
        if backend == "cuda":
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.\nSee documentation")
        if backend in ("onnx", "cuda-bf16"):
            return lambda image: plain(image)._replace(class_token=plain(image).class_token[::-1])
        return plain

    monkeypatch.setattr(runtime, "open_backend", opens)
    monkeypatch.setattr(runtime, "why_not", lambda backend: "")
    found = measure(network, 64, (1,), ("onnx", "torch", "cuda", "cuda-bf16"))
    assert [one.backend for one in found.times] == ["torch"]
    assert found.left_out["cuda"] == "CUDA out of memory. Tried to allocate 2.00 GiB."
    assert "its features differ by" in found.left_out["onnx"]
    assert "(1 - cosine); valid is 0.01" in found.left_out["cuda-bf16"]


def test_the_choice_is_told_in_words(tmp_path: Path) -> None:
    """What runs it, how fast, what else there was, and why there is no GPU; bfloat16 with its deviation."""
    choice = choose(random_network(SMALL), 64, record=tmp_path / "backends.json")
    assert choice.words.startswith(f"{choice.backend} on 1 thread: ")
    assert "; slower or no faster: " in choice.words
    if why := why_no_gpu():
        assert f"cuda, cuda-bf16 ({why})" in choice.words
    way = Timed("torch-bf16", 2, 12.345, 2.4e-4)
    assert told(way, [way], {}) == (
        "torch-bf16 on 2 threads: 12.35 ms (features differ from float32 by 0.0002 in 1 - cosine)"
    )
    assert str(Timed("cuda", 1, 1.0, 0.0)) == "cuda: 1.00 ms"


def test_without_anything_that_runs_pytorch_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In words."""
    monkeypatch.setattr(runtime, "measure", lambda *arguments: Measured([], {"onnx": "it is broken"}))
    choice = choose(random_network(SMALL), 64, (1, 2), record=tmp_path / "backends.json")
    assert choice == ("torch", 2, "torch, since nothing else runs: onnx (it is broken)")


def test_what_was_named_is_not_chosen_for_another() -> None:
    """One that cannot run is refused with the reason; its threads are measured if none are said."""
    network = random_network(SMALL)
    assert decide(network, "torch", 64, (2,))[:2] == ("torch", 2)
    assert decide(network, "onnx", 64, (1, 2)).backend == "onnx"
    for backend, why in (("onnx-cuda", "pip install onnxruntime-gpu"), ("cuda", why_no_gpu())):
        if why_not(backend):
            with pytest.raises(ArtifactError, match=f"backend {backend} cannot run here: .*{re.escape(why)}"):
                decide(network, backend, 64)
            with pytest.raises(ArtifactError, match=f"backend {backend} cannot run here"):
                open_backend(network, backend, 64)
    with pytest.raises(ValueError, match="backend 'tpu'; valid are auto, onnx"):
        decide(network, "tpu", 64)


def test_a_provider_that_only_seems_to_be_there_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """onnxruntime falls back to the processor, and only logs it; here that is told."""
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: [CUDA, CPU])
    content = build(random_network(SMALL), 32, 32)
    with pytest.raises(ArtifactError, match=r"CUDAExecutionProvider.*(does not work here|not)"):
        open_session(content, 1, CUDA)
    with pytest.raises(ArtifactError, match="this onnxruntime has no OpenVINOExecutionProvider; it has CPU"):
        open_session(content, 1, OPENVINO)


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"x": 3}', '{"KEY": {"onnx": 1}}', '{"KEY": [["onnx", 1]]}', '{"KEY": []}']
)
def test_a_damaged_record_is_measured_again(content: str, tmp_path: Path) -> None:
    """It is only a cache."""
    network = random_network(SMALL)
    record = tmp_path / "backends.json"
    record.write_text(content.replace("KEY", situation(network, 64)))
    assert choose(network, 64, record=record).backend in MEASURED
    assert json.loads(record.read_text())[situation(network, 64)]


def test_a_record_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is told, and the choice is made nevertheless."""
    (tmp_path / "file").write_text("")
    assert choose(random_network(SMALL), 64, record=tmp_path / "file" / "backends.json").backend in MEASURED
    assert "measured again" in capsys.readouterr().err


def test_what_is_not_valid_is_refused() -> None:
    """The message lists the backends."""
    network = random_network(SMALL)
    with pytest.raises(
        ValueError, match="backend 'gpu'; valid are auto, onnx, torch, torch-bf16, onnx-openvino, cuda"
    ):
        open_backend(network, "gpu")
    for backend in ("onnx", "torch"):
        with pytest.raises(ValueError, match="threads is 0"):
            open_backend(network, backend, 64, threads=0)


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It measures, tells, and remembers what `auto` will take."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("models.transformer.vision_transformer.CONFIGS", {"dino-vits8": SMALL})
    assert runtime.main(["dino-vits8", "--size", "64", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {one["backend"] for one in told["times"]} | set(told["left_out"]) == set(MEASURED)
    remembered = json.loads((tmp_path / "agentspace" / "backends.json").read_text())
    assert set(remembered) == {situation(VisionTransformer(SMALL), 64)}
    assert runtime.main(["dino-vits8", "--size", "64"]) == 0
    said = capsys.readouterr().out
    assert said.count(" ms ") == len(told["times"])
    assert "auto takes " in said
