"""A Vision Transformer on a GPU of Nvidia: captured once as a CUDA graph, then replayed for each image.

A graph is one order to the GPU in place of some hundred, whose sending would take longer than their work. All that
it touches keeps its place in memory: the image that it begins with, the outputs that it ends with (one after the
other in one tensor, so that one copy brings them back), and the constants of the preprocessing. Host memory on
both ends is page-locked ("pinned"), from which the GPU copies by itself.

What CUDA does stands behind `Device`, so that everything else is tested where there is no GPU.
"""

import copy
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.transformer.views import Run, Views
from models.transformer.vision_transformer import Normalisation, VisionTransformer

if TYPE_CHECKING:
    from models.transformer.vision_transformer import Outputs

_WARM: Final = 3
"""Runs before the capture, in which libraries choose their kernels and take their memory."""


class Device(Protocol):
    """A device that captures what is computed on it, and replays it.

    Attributes:
        name: As PyTorch calls it.
    """

    name: str

    def host(self, like: Tensor) -> Tensor:
        """A tensor of the host, of the shape and type of another, from which the device can copy by itself."""

    def capture(self, step: Callable[[], Tensor]) -> tuple[Tensor, Callable[[], None]]:
        """Runs a step, and captures it: its output, and what computes that output anew, in the same place."""

    def wait(self) -> None:
        """Waits until all that was ordered is done."""


class Cuda:
    """A GPU of Nvidia."""

    name: str = "cuda"

    def __init__(self) -> None:
        torch.backends.cudnn.allow_tf32 = (
            False  # convolutions would have 10 bits of 23, and features 1e-3 of error
        )

    def host(self, like: Tensor) -> Tensor:
        """A page-locked tensor."""
        return torch.empty(like.shape, dtype=like.dtype, pin_memory=True)

    def capture(self, step: Callable[[], Tensor]) -> tuple[Tensor, Callable[[], None]]:
        """Captures a step as a CUDA graph; see https://pytorch.org/docs/stable/notes/cuda.html#cuda-graphs."""
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM):
                step()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            made = step()
        return made, graph.replay

    def wait(self) -> None:
        """Waits for the stream in use."""
        torch.cuda.current_stream().synchronize()


class _Packed(nn.Module):
    """From an image (1, H, W, 3) of uint8 to all outputs, one after the other (n,) float32."""

    def __init__(self, network: VisionTransformer, kind: torch.dtype, patches: bool) -> None:
        super().__init__()
        self.pixels = Normalisation()
        self.network = copy.deepcopy(network).to(kind)
        self._kind, self._patches = kind, patches

    def outputs(self, image: Tensor) -> "Outputs":
        return self.network(self.pixels(image).to(self._kind), attention="class")  # type: ignore[no-any-return]

    def parts(self, found: "Outputs") -> Sequence[Tensor]:
        """Class token, mean, attention, and the patches if they are wanted."""
        some = (found.class_token[0], found.mean[0], found.maps[0])
        return (*some, found.patches[0]) if self._patches else some

    def forward(self, image: Tensor) -> Tensor:
        return torch.cat([part.float().flatten() for part in self.parts(self.outputs(image))])


def open_captured(
    network: VisionTransformer, kind: torch.dtype, size: int, patches: bool = True, device: Device | None = None
) -> Run:
    """A function from an RGB image (size, size, 3) of uint8 to what the network says of it.

    Args:
        network: With its weights; it stays where it is.
        kind: In which the network computes: float32 or bfloat16. The preprocessing is in float32.
        size: Side of the images, pixels.
        patches: Also bring back the patches, which are most of all bytes.
        device: Where it is computed; None for the GPU.
    """
    device = Cuda() if device is None else device
    with torch.inference_mode():
        packed = _Packed(network, kind, patches).eval().requires_grad_(False).to(device.name)
        given = device.host(torch.empty(1, size, size, 3, dtype=torch.uint8))
        given.zero_()
        image = given.to(device.name)
        shapes = [tuple(part.shape) for part in packed.parts(packed.outputs(image))]
        made, replay = device.capture(lambda: packed(image))
        brought = device.host(made)
    entry = given.numpy()
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])

    def run(picture: NDArray[np.uint8]) -> Views:
        entry[0] = picture
        with torch.inference_mode():
            image.copy_(given, non_blocking=True)
            replay()
            brought.copy_(made, non_blocking=True)
            device.wait()
        flat = np.split(brought.numpy().copy(), ends[:-1])
        class_token, mean, attention, *rest = (
            part.reshape(shape) for part, shape in zip(flat, shapes, strict=True)
        )
        return Views(class_token, mean, rest[0] if rest else None, attention)

    return run


def why_no_gpu() -> str:
    """Why PyTorch has no GPU here, in words; "" if it has one."""
    if torch.version.cuda is None:
        return f"PyTorch {torch.__version__} is built without CUDA"
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]
        count = torch.cuda.device_count()
    except Exception as error:  # of the driver, which has many
        return f"CUDA cannot be used: {str(error).strip().splitlines()[0]}"
    return "" if count else "there is no GPU of Nvidia, or CUDA_VISIBLE_DEVICES hides it"


def gpu_name() -> str:
    """What the GPU calls itself; "" if there is none."""
    return "" if why_no_gpu() else str(torch.cuda.get_device_name())
