"""Features of pictures, each made once."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol

import numpy as np

from models.arrays import Features, Image
from models.study.candidate import Candidate
from models.study.pictures.cache import Cache
from models.study.pictures.drawing import sources
from models.study.pictures.scene import Shot

_AT_ONCE: Final = 64
"""Pictures whose features are kept together."""


class Painter(Protocol):
    """Takes pictures: a `DrawingProcess`, or something faster in a test."""

    def pictures(self, shots: Sequence[Shot]) -> Iterator[bytes]:
        """A PNG of each shot, without noise, in their order."""


class Gallery:
    """Looks at pictures with extractors; pictures and features are kept in a cache.

    Args:
        cache: Where they are kept.
        drawing: What takes the pictures that are not there.
        progress: Called with a number of features that are done, of how many, again and again.
    """

    def __init__(
        self, cache: Cache, drawing: Painter, progress: Callable[[int, int], None] = lambda done, total: None
    ) -> None:
        self._cache = cache
        self._drawing = drawing
        self._progress = progress

    def look(self, shots: Sequence[Shot], candidates: Sequence[Candidate]) -> dict[str, Features]:
        """Features (n, count) of n shots, by the name of the candidate.

        Raises:
            ArtifactError: A network or the cache cannot be used.
            NoDisplayError: Nothing on this machine can draw.
        """
        wanted = [shot for shot in shots if any(self._key(shot, each) not in self for each in candidates)]
        for start in range(0, len(wanted), _AT_ONCE):
            self._see(wanted[start : start + _AT_ONCE], candidates, start, len(wanted))
        return {each.name: np.stack([self._features(shot, each) for shot in shots]) for each in candidates}

    def pictures(self, shots: Sequence[Shot]) -> Iterator[Image]:
        """The picture (H, W, 3) of each shot, with its noise.

        Raises:
            ArtifactError: The cache cannot be used.
            NoDisplayError: Nothing on this machine can draw.
        """
        new: list[tuple[str, bytes]] = []
        try:
            for shot, encoded in zip(shots, self._encoded(shots, new), strict=True):
                yield noisy(decoded(encoded), shot.scene.noise, shot.seed)
        finally:
            self._cache.put(new)  # also when it was interrupted

    def follow(self, films: Sequence[Sequence[Shot]], candidate: Candidate) -> list[Features]:
        """Features (n, count) of each film of n shots: pictures of one camera, looked at one after the other.

        An extractor that follows what it saw in the last picture does so here, and in `look` it does not.

        Raises:
            ArtifactError: A network or the cache cannot be used.
            NoDisplayError: Nothing on this machine can draw.
        """
        found = []
        for done, film in enumerate(films, 1):
            key = "\n".join(["film", *(self._key(shot, candidate) for shot in film)])
            kept = self._cache.get(key)
            if kept is None:
                kept = self._watched(film, candidate).tobytes()
                self._cache.put([(key, kept)])
                self._progress(done, len(films))
            found.append(np.frombuffer(kept, np.float32).reshape(len(film), -1))
        return found

    def _watched(self, film: Sequence[Shot], candidate: Candidate) -> Features:
        pictures = list(self.pictures(film))
        nothing = np.zeros((1, 1, 3), np.uint8)
        candidate.follower.features(nothing)  # of another size: whom it saw in the last film it forgets
        return np.stack([candidate.follower.features(picture) for picture in pictures])

    def __contains__(self, key: str) -> bool:
        return self._cache.get(key) is not None

    def _key(self, shot: Shot, candidate: Candidate) -> str:
        return f"features {candidate.fingerprint} of {sources(shot.scene)} {shot.key}"

    def _features(self, shot: Shot, candidate: Candidate) -> Features:
        kept = self._cache.get(self._key(shot, candidate))
        assert kept is not None
        return np.frombuffer(kept, np.float32)

    def _see(self, shots: Sequence[Shot], candidates: Sequence[Candidate], before: int, total: int) -> None:
        found: list[tuple[str, bytes]] = []
        try:
            for done, (shot, encoded) in enumerate(zip(shots, self._encoded(shots, found), strict=True), 1):
                image = noisy(decoded(encoded), shot.scene.noise, shot.seed)
                found += [(self._key(shot, each), each.network.features(image).tobytes()) for each in candidates]
                self._progress(before + done, total)
        finally:
            self._cache.put(found)  # also when it was interrupted

    def _encoded(self, shots: Sequence[Shot], new: list[tuple[str, bytes]]) -> Iterator[bytes]:
        """The pictures (PNG), those that were kept and those that must be taken; the latter are added to `new`."""
        keys = [f"{sources(shot.scene)} {shot.picture}" for shot in shots]
        kept = {key: self._cache.get(key) for key in keys}
        missing = {key: shot for key, shot in zip(keys, shots, strict=True) if kept[key] is None}
        taken = self._drawing.pictures(list(missing.values()))
        for key in keys:
            encoded = kept[key]
            if encoded is None:  # those that are missing come in their order
                encoded = kept[key] = next(taken)
                new.append((key, encoded))
            yield encoded


def decoded(encoded: bytes) -> Image:
    """The picture (H, W, 3), RGB, of a PNG."""
    import cv2

    image = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    return np.ascontiguousarray(np.asarray(image, np.uint8)[..., ::-1])


def noisy(image: Image, deviation: float, seed: int) -> Image:
    """The picture with Gaussian noise on each pixel (grey levels), as simulated cameras add it."""
    if deviation == 0.0:
        return image
    noise = np.random.default_rng(seed).standard_normal(image.shape, dtype=np.float32) * np.float32(deviation)
    return np.asarray(np.clip(np.rint(image + noise), 0, 255), np.uint8)
