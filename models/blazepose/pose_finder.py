"""Picture -> the landmarks of one person in it: detector and landmark network together.

The detector is right about where somebody is, but not to the pixel; the landmark network says where it should have
looked. So it looks twice in a picture where nobody is known, and once in the next pictures of a film, there where
the person was.
"""

from typing import Final, NamedTuple, Self

from models.arrays import Image, as_rgb
from models.blazepose.choice import NEAREST, check, choose
from models.blazepose.detector import Detection, Detector
from models.blazepose.landmarks import Landmarker, Landmarks
from models.blazepose.region import Region

PASSES: Final = 2
"""Of the landmark network, where the detector has just found somebody."""
PATIENCE: Final = 10
"""Pictures in which only the person who was followed is looked for, after they were lost."""
REACH: Final = 0.15
"""How far from where they were lost they may be, in sides of their region: 40 cm."""


class Sighting(NamedTuple):
    """Somebody in a picture.

    Attributes:
        landmarks: Where their body is.
        people: How many people the detector saw; None if it was not asked, since this one is followed.
    """

    landmarks: Landmarks
    people: int | None


class _Track(NamedTuple):
    """Who was followed: the shape of the picture, where they were, and how many pictures ago that was."""

    shape: tuple[int, ...]
    region: Region
    lost: int = 0


class PoseFinder:
    """Finds the landmarks of one person: of several whom the rule says, or who was followed.

    Args:
        detector: Finds people.
        landmarker: Finds their landmarks.
        film: Whether pictures come one after the other from one camera: then the person who was found in one is
            looked for in the same place of the next, which takes half of the time. In the first `PATIENCE`
            pictures without them nobody else is taken for them; then, or if pictures have another size, they are
            forgotten.
        passes: See `PASSES`.
    """

    def __init__(
        self, detector: Detector, landmarker: Landmarker, film: bool = False, passes: int = PASSES
    ) -> None:
        self._detector, self._landmarker = detector, landmarker
        self._film, self._passes = film, passes
        self._track: _Track | None = None
        self._person = NEAREST

    @classmethod
    def load(cls, threads: int = 1, film: bool = False) -> Self:
        """Loads both networks.

        Raises:
            ArtifactError: A file is missing or damaged.
            ValueError: `threads` is not positive.
        """
        return cls(Detector.load(threads), Landmarker.load(threads), film)

    @property
    def person(self) -> str:
        """Who of several is taken where nobody is followed; see `models.blazepose.choice.PEOPLE`.

        Another rule forgets who was followed.

        Raises:
            ValueError: There is no such rule.
        """
        return self._person

    @person.setter
    def person(self, person: str) -> None:
        self._person, self._track = check(person), None

    def find(self, image: object) -> Landmarks | None:
        """The landmarks of the person in a picture; None if nobody is there. See `seek`."""
        found = self.seek(image)
        return found.landmarks if found else None

    def seek(self, image: object) -> Sighting | None:
        """The person in a picture; None if nobody is there, or not the one who was there just now.

        Raises:
            TypeError: Not an array of uint8; see `models.arrays.as_rgb`.
            ValueError: Wrong shape.
        """
        given = as_rgb(image)
        track = self._track if self._track and self._track.shape == given.shape else None
        found = self._follow(given, track) or self._search(given, track)
        self._track = _next(given, track, found) if self._film else None
        return found

    def _follow(self, image: Image, track: _Track | None) -> Sighting | None:
        """The person of the last picture; None if they are not there, or nobody was."""
        if track is None or track.lost:
            return None
        landmarks = self._landmarker.look(image, track.region)
        return Sighting(landmarks, None) if landmarks.is_there else None

    def _search(self, image: Image, track: _Track | None) -> Sighting | None:
        people = self._detector.detect(image)
        chosen = self._choose(people, track)
        region = chosen.region if chosen else None
        landmarks = None
        for _ in range(self._passes):
            if region is not None:
                landmarks = self._landmarker.look(image, region)
                region = landmarks.next if landmarks.is_there else None
        return Sighting(landmarks, len(people)) if landmarks is not None and landmarks.is_there else None

    def _choose(self, people: list[Detection], track: _Track | None) -> Detection | None:
        if track is None:
            return choose(people, self._person)
        last = track.region
        closest = min(people, key=lambda one: one.region.apart(last), default=None)
        return closest if closest and closest.region.apart(last) <= REACH * last.side else None


def _next(image: Image, track: _Track | None, found: Sighting | None) -> _Track | None:
    if found:
        return _Track(image.shape, _steady(found.landmarks))
    if track and track.lost + 1 < PATIENCE:
        return track._replace(lost=track.lost + 1)
    return None


def _steady(found: Landmarks) -> Region:
    """Where to look in the next picture: in the same place, as long as that hardly moves.

    What trembles would move the place, and that the landmarks again: without this the joints of a robot that
    imitates somebody who stands still swung by 3.0 degrees in the mean and 23 at most, with it by 1.2 and
    10 (72 postures, 12 pictures with noise of 2 grey levels each).
    """
    return found.region if found.region.is_near(found.next) else found.next
