"""Picture -> the landmarks of the person in it: detector and landmark network together.

The detector is right about where somebody is, but not to the pixel; the landmark network says where it should have
looked. So it looks twice in a picture where nobody is known, and once in the next pictures of a film, there where
the person was.
"""

from typing import Final, Self

from models.arrays import Image, as_rgb
from models.blazepose.detector import Detector
from models.blazepose.landmarks import Landmarker, Landmarks
from models.blazepose.region import Region

PASSES: Final = 2
"""Of the landmark network, where the detector has just found somebody."""


class PoseFinder:
    """Finds the landmarks of one person: of several the nearest, who is the largest in the picture.

    Args:
        detector: Finds people.
        landmarker: Finds their landmarks.
        film: Whether pictures come one after the other from one camera: then the person who was found in one is
            looked for in the same place of the next, which takes half of the time. They are forgotten in the first
            picture where they are not there any more, or that has another size.
        passes: See `PASSES`.
    """

    def __init__(
        self, detector: Detector, landmarker: Landmarker, film: bool = False, passes: int = PASSES
    ) -> None:
        self._detector, self._landmarker = detector, landmarker
        self._film, self._passes = film, passes
        self._last: tuple[tuple[int, ...], Region] | None = None  # shape of the picture, and where somebody is

    @classmethod
    def load(cls, threads: int = 1, film: bool = False) -> Self:
        """Loads both networks.

        Raises:
            ArtifactError: A file is missing or damaged.
            ValueError: `threads` is not positive.
        """
        return cls(Detector.load(threads), Landmarker.load(threads), film)

    def find(self, image: object) -> Landmarks | None:
        """The landmarks of the person in a picture; None if nobody is there.

        Raises:
            TypeError: Not an array of uint8; see `models.arrays.as_rgb`.
            ValueError: Wrong shape.
        """
        given = as_rgb(image)
        found = self._follow(given) or self._search(given)
        self._last = (given.shape, _steady(found)) if self._film and found else None
        return found

    def _follow(self, image: Image) -> Landmarks | None:
        """Where the person of the last picture is now; None if they are not there, or nobody was."""
        if self._last is None or self._last[0] != image.shape:
            return None
        found = self._landmarker.look(image, self._last[1])
        return found if found.is_there else None

    def _search(self, image: Image) -> Landmarks | None:
        regions = [one.region for one in self._detector.detect(image)]
        region = max(regions, key=lambda one: one.side, default=None)
        found = None
        for _ in range(self._passes):
            if region is not None:
                found = self._landmarker.look(image, region)
                region = found.next if found.is_there else None
        return found if found is not None and found.is_there else None


def _steady(found: Landmarks) -> Region:
    """Where to look in the next picture: in the same place, as long as that hardly moves.

    What trembles would move the place, and that the landmarks again: without this the joints of a robot that
    imitates somebody who stands still swung by 3.0 degrees in the mean and 23 at most, with it by 1.2 and
    10 (72 postures, 12 pictures with noise of 2 grey levels each).
    """
    return found.region if found.region.is_near(found.next) else found.next
