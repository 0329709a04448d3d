"""The way by a GPU, as far as it can be tried without one: what is captured, copied, and told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from models.transformer import backends, cuda
from models.transformer.backends import open_backend
from models.transformer.cuda import open_captured
from models.transformer.vision_transformer import Normalisation, normalise
from tests.learning.transformer.test_vision_transformer import SMALL, random_network

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8)


class FromHost(TorchDispatchMode):
    """Notes what makes a tensor of numbers of the host, which no capture allows on a GPU."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = str(func)
        if any(part in name for part in ("lift_fresh", "scalar_tensor", "_local_scalar_dense", "_pin_memory")):
            self.found.append(name)
        return func(*args, **(kwargs or {}))


class FakeDevice:
    """The processor, which replays as a GPU does: nothing but what was captured, in the same places."""

    name: str = "cpu"

    def __init__(self) -> None:
        self.did: list[str] = []
        self.from_host: list[str] = []

    def host(self, like: Tensor) -> Tensor:
        self.did.append(f"host {like.dtype}")
        return torch.empty_like(like)

    def capture(self, step: Callable[[], Tensor]) -> tuple[Tensor, Callable[[], None]]:
        with FromHost() as mode:
            made = step()
        self.from_host = mode.found
        self.did.append("capture")

        def replay() -> None:
            self.did.append("replay")
            made.copy_(step())

        return made, replay

    def wait(self) -> None:
        self.did.append("wait")


@pytest.mark.parametrize("patches", [True, False])
def test_a_captured_network_gives_what_the_processor_gives(patches: bool) -> None:
    """float32 to 1e-4, image after image; the answers are those of their own image, and stay what they were."""
    network = random_network(SMALL)
    run = open_captured(network, torch.float32, 64, patches, FakeDevice())
    expected = open_backend(network, "torch", 64)
    answers = [run(image) for image in IMAGES]
    for found, image in zip(answers, IMAGES, strict=True):
        wanted = expected(image)
        np.testing.assert_allclose(found.class_token, wanted.class_token, atol=1e-4)
        np.testing.assert_allclose(found.mean, wanted.mean, atol=1e-4)
        np.testing.assert_allclose(found.attention, wanted.attention, atol=1e-4)
        assert (found.patches is not None) == patches
        if found.patches is not None:
            np.testing.assert_allclose(found.patches, wanted.patches, atol=1e-4)  # type: ignore[arg-type]  # has some


def test_it_is_captured_once_and_replayed_for_each_image() -> None:
    """One place of the host for the image, one for all that comes back; each run waits before it reads."""
    device = FakeDevice()
    run = open_captured(random_network(SMALL), torch.float32, 64, True, device)
    assert device.did == ["host torch.uint8", "capture", "host torch.float32"]
    for image in IMAGES:
        run(image)
    assert device.did[3:] == ["replay", "wait"] * 3


def test_nothing_comes_from_the_host_within_a_capture() -> None:
    """The constants of the preprocessing lie on the device: otherwise no graph could be captured."""
    device = FakeDevice()
    open_captured(random_network(SMALL), torch.float32, 64, True, device)
    assert device.from_host == []
    with FromHost() as mode:  # as it was before: constants made for each image
        torch.zeros(1).new_tensor([0.5, 0.5])
    assert mode.found


def test_the_constants_go_where_the_network_goes() -> None:
    """And give what the formula gives."""
    assert {buffer.device.type for buffer in Normalisation().to("meta").buffers()} == {"meta"}
    given = torch.from_numpy(IMAGES)
    expected = (given.double() / 255 - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225])
    torch.testing.assert_close(normalise(given).double(), expected.permute(0, 3, 1, 2), atol=1e-5, rtol=0)
    assert not Normalisation().state_dict()  # they are no weights


def test_bfloat16_is_near() -> None:
    """Weights and sums in bfloat16, float32 on both ends; the network that was given stays in float32."""
    network = random_network(SMALL)
    found = open_captured(network, torch.bfloat16, 64, True, FakeDevice())(IMAGES[0])
    wanted = open_backend(network, "torch", 64)(IMAGES[0])
    assert {part.dtype for part in found if part is not None} == {np.dtype(np.float32)}
    for ours, theirs in zip(found, wanted, strict=True):
        assert ours is not None
        assert theirs is not None
        assert np.vdot(ours, theirs) / np.linalg.norm(ours) / np.linalg.norm(theirs) > 0.999
    assert next(network.parameters()).dtype == torch.float32


def test_a_picture_of_another_size_is_refused() -> None:
    """It would not fit into the place that was captured."""
    run = open_captured(random_network(SMALL), torch.float32, 64, True, FakeDevice())
    with pytest.raises(ValueError, match="could not broadcast"):
        run(np.zeros((32, 32, 3), np.uint8))


def test_why_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Built without CUDA; a driver that fails; none to be seen. Each in words, and none of it an error."""
    monkeypatch.setattr("torch.version.cuda", None)
    assert "is built without CUDA" in cuda.why_no_gpu()
    assert cuda.gpu_name() == ""
    monkeypatch.setattr("torch.version.cuda", "12.8")

    def fail() -> None:
        raise RuntimeError("The NVIDIA driver on your system is too old (found version 11040).\nPlease update")

    monkeypatch.setattr("torch.cuda.init", fail)
    assert cuda.why_no_gpu() == (
        "CUDA cannot be used: The NVIDIA driver on your system is too old (found version 11040)."
    )
    monkeypatch.setattr("torch.cuda.init", lambda: None)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    assert "CUDA_VISIBLE_DEVICES" in cuda.why_no_gpu()
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    assert cuda.why_no_gpu() == ""
    assert backends.why_not("cuda") == ""
    assert "pip install onnxruntime-gpu" in backends.why_not("onnx-cuda")


@pytest.mark.skipif(bool(cuda.why_no_gpu()), reason="needs a GPU of Nvidia")
@pytest.mark.parametrize(("backend", "off"), [("cuda", 1e-4), ("cuda-bf16", 0.1)])
def test_on_a_gpu(backend: str, off: float) -> None:
    """float32 is equal to the processor's to 1e-4, bfloat16 near it."""
    network = random_network(SMALL)
    run, expected = open_backend(network, backend, 64), open_backend(network, "torch", 64)
    for image in IMAGES:
        np.testing.assert_allclose(run(image).class_token, expected(image).class_token, atol=off)
        np.testing.assert_allclose(run(image).attention, expected(image).attention, atol=off)
