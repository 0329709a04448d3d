"""Off-screen OpenGL on machines without a display: which library draws, and one picture at a time.

Two libraries can do it: OSMesa (software, no device needed) and EGL (a graphics card where there is one, else
Mesa's software). `MUJOCO_GL=osmesa` or `MUJOCO_GL=egl` chooses one; otherwise the first of `BACKENDS` that
works is taken. Nothing is loaded before the first picture is drawn. A canvas belongs to the thread that drew it,
because an OpenGL context does.
"""

import contextlib
import ctypes
import importlib
import logging
import os
import sys
import weakref
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from models.arrays import Image

if TYPE_CHECKING:
    import mujoco


BACKENDS: Final = ("osmesa", "egl")
"""Order of preference. Without a graphics card both draw equally fast and the same pixels. OSMesa is first
because it needs no device: where its library loads, it draws. An EGL that fails halfway would leave PyOpenGL
bound to it."""

_LIBRARIES: Final = {"osmesa": ("libOSMesa.so.8", "libOSMesa.so"), "egl": ("libEGL.so.1", "libEGL.so")}
logging.getLogger("OpenGL").setLevel(logging.WARNING)  # it tells of each accelerator that is not there

_HELP: Final = "install one of them, on Debian or Ubuntu: apt install libosmesa6, or: apt install libegl1 libgl1"


OVERSAMPLING: Final = 2
"""Pictures are drawn this many times larger and averaged: smooth edges in 2/3 of the time of OpenGL's own."""


class NoDisplayError(RuntimeError):
    """No library can draw off the screen; the message says what was tried and what to install."""


def wanted_backends() -> tuple[str, ...]:
    """Returns the backends to try, in order: the one that MUJOCO_GL names, else all.

    Raises:
        NoDisplayError: If MUJOCO_GL names something that does not draw off the screen.
    """
    asked = os.environ.get("MUJOCO_GL", "").strip().lower()
    if asked and asked not in BACKENDS:
        raise NoDisplayError(
            f"MUJOCO_GL={asked!r} cannot draw without a display; valid: {', '.join(BACKENDS)}, or unset it"
        )
    return (asked,) if asked else BACKENDS


def _load_library(backend: str) -> None:
    """Loads the system library of a backend, so that a missing one is noticed before PyOpenGL binds to it."""
    reasons = []
    for name in _LIBRARIES[backend]:
        try:
            ctypes.CDLL(name)
        except OSError as error:
            reasons.append(str(error))
        else:
            return
    raise OSError(reasons[0])


def _load_triton_first() -> None:
    """Loads Triton, where there is one: it brings an LLVM as Mesa does, and crashes if Mesa's was there before."""
    if "OpenGL" not in sys.modules:
        with contextlib.suppress(ImportError):
            importlib.import_module("triton")


def open_context(size: int) -> tuple[str, Any]:
    """Makes an OpenGL context of the first backend that works current in this thread.

    Returns:
        The name of the backend and its context (with `free()`).

    Raises:
        NoDisplayError: If none works.
    """
    failures = []
    _load_triton_first()
    for backend in wanted_backends():
        try:
            _load_library(backend)
            bound = os.environ.setdefault("PYOPENGL_PLATFORM", backend)
            if bound != backend:
                raise ImportError(f"PyOpenGL is bound to {bound!r} already (PYOPENGL_PLATFORM)")
            context = importlib.import_module(f"mujoco.{backend}").GLContext(size, size)
            context.make_current()
        except Exception as error:
            # Whatever PyOpenGL or a driver raises here means "this one does not work": remember it and go on.
            failures.append(f"{backend}: {type(error).__name__}: {error}")
        else:
            return backend, context
    raise NoDisplayError("cannot draw off the screen (" + "; ".join(failures) + "); " + _HELP)


class Canvas:
    """Draws a MuJoCo model into an array; its context is opened with the first picture.

    Args:
        model: The compiled model; its off-screen buffer must be `OVERSAMPLING` times as large as what is drawn.
        size: Width and height of the picture, pixels; it is drawn `OVERSAMPLING` times larger, and averaged.
    """

    def __init__(self, model: "mujoco.MjModel", size: int) -> None:
        self._model = model
        self._size = (size, size)
        self._buffer: Image = np.empty((0, 0, 3), np.uint8)
        self._free: weakref.finalize[..., Canvas] | None = None  # while it is open

    @property
    def backend(self) -> str:
        """The library that draws: "osmesa" or "egl"."""
        self._open()
        return self._backend

    def _open(self) -> None:
        """Makes the context the current one of this thread.

        Raises:
            NoDisplayError: If neither OSMesa nor EGL works here.
        """
        import mujoco

        if self._free is None:
            self._backend, self._context = open_context(OVERSAMPLING * max(self._size))
            self._scene = mujoco.MjvScene(self._model, maxgeom=self._model.ngeom + 16)
            for flag in ("SHADOW", "REFLECTION", "HAZE"):
                self._scene.flags[getattr(mujoco.mjtRndFlag, f"mjRND_{flag}")] = False
            self._drawing = mujoco.MjrContext(self._model, mujoco.mjtFontScale.mjFONTSCALE_50)
            mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._drawing)
            self._free = weakref.finalize(self, _free, self._context, self._drawing)  # also when the process ends
        self._context.make_current()

    def draw(
        self,
        data: "mujoco.MjData",
        camera: "mujoco.MjvCamera",
        *,
        mirror: bool = False,
        size: tuple[int, int] | None = None,
        out: Image | None = None,
    ) -> Image:
        """Returns what the camera sees: (height, width, 3) uint8 RGB, the first row on top.

        Args:
            data: The state of the model.
            camera: From where.
            mirror: Flip left and right.
            size: Width and height, pixels; those of the canvas by default.
            out: The array to fill; a new one by default.
        """
        import cv2
        import mujoco

        self._open()
        width, height = self._size if size is None else size
        large = (OVERSAMPLING * height, OVERSAMPLING * width, 3)
        if self._buffer.shape != large:
            self._buffer = np.empty(large, np.uint8)
        every, rectangle = mujoco.mjtCatBit.mjCAT_ALL, mujoco.MjrRect(0, 0, large[1], large[0])
        mujoco.mjv_updateScene(self._model, data, mujoco.MjvOption(), None, camera, every, self._scene)
        mujoco.mjr_render(rectangle, self._scene, self._drawing)
        mujoco.mjr_readPixels(self._buffer, None, rectangle, self._drawing)
        averaged = cv2.resize(self._buffer, (width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.flip(averaged, -1 if mirror else 0, dst=out), np.uint8)

    def upload(self, mesh: int) -> None:
        """Draws a mesh of the model as it is now, its vertices and normals having been changed.

        Args:
            mesh: Its index.
        """
        import mujoco

        self._open()
        mujoco.mjr_uploadMesh(self._model, self._drawing, mesh)

    def close(self) -> None:
        """Frees the context; may be called again. With the next picture it is opened anew."""
        if self._free is not None:
            self._free()
            self._free = None


class Drawn:
    """Something that a canvas draws; it is to be closed, or used in a `with` statement."""

    _canvas: Canvas

    def close(self) -> None:
        """Frees the drawing context; may be called again. All the rest stays usable."""
        self._canvas.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _free(context: Any, drawing: Any) -> None:
    """Frees MuJoCo's part and then the OpenGL context, in this order, while the libraries are still there."""
    context.make_current()
    drawing.free()
    context.free()


def noisy(image: Image, deviation: float, random: np.random.Generator) -> Image:
    """The picture, to which Gaussian noise of that standard deviation is added on each pixel, grey levels."""
    if deviation:
        image[...] = np.clip(np.rint(image + random.normal(0.0, deviation, image.shape)), 0, 255)
    return image
