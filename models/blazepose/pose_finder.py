"""Picture -> the landmarks of one person in it: detector and landmark network together.

The detector is right about where somebody is, but not to the pixel; the landmark network says where it should have
looked. So it looks twice in a picture where nobody is known, and once in the next pictures of a film, there where
the person was. The detector tells whether somebody else has come, whose body must not be taken for theirs.
"""

from typing import Final, NamedTuple, Self

from models.arrays import Image, as_rgb
from models.blazepose.choice import NEAREST, check, choose
from models.blazepose.detector import Detection, Detector
from models.blazepose.landmarks import Landmarker, Landmarks
from models.blazepose.region import Region
from models.blazepose.tracks import Track, going_on, match

PASSES: Final = 2
"""Of the landmark network, where the detector has just found somebody."""
ROUND: Final = 3
"""In every so many-th picture of somebody who is followed it is looked whether somebody else has come."""


class Sighting(NamedTuple):
    """Somebody in a picture.

    Attributes:
        landmarks: Where their body is.
        people: How many people the detector saw; None of somebody who was seen in the picture before, too.
    """

    landmarks: Landmarks
    people: int | None


class PoseFinder:
    """Finds the landmarks of one person: of several whom the rule says, or who was followed.

    Args:
        detector: Finds people.
        landmarker: Finds their landmarks.
        film: Whether pictures come one after the other from one camera: then the person who was found in one is
            looked for in the same place of the next, which takes half of the time. While somebody else is there,
            all are told apart in each picture (`models.blazepose.tracks`), and nobody else is taken for the one
            for a while. If pictures have another size, everybody is forgotten.
        passes: See `PASSES`.
    """

    def __init__(
        self, detector: Detector, landmarker: Landmarker, film: bool = False, passes: int = PASSES
    ) -> None:
        self._detector, self._landmarker = detector, landmarker
        self._film, self._passes = film, passes
        self._person = NEAREST
        self._shape: tuple[int, ...] = ()
        self._forget()

    def _forget(self) -> None:
        self._tracks: list[Track] = []  # the first one is of who is followed
        self._place: Region | None = None  # where they were in the last picture; None if they were not seen
        self._blind = 0  # pictures since it was looked whether somebody else is there

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
        self._person = check(person)
        self._forget()

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
        if not self._film or given.shape != self._shape:
            self._forget()
            self._shape = given.shape
        followed = self._place is not None
        landmarks = self._follow(given)
        people: list[Detection] = []
        if landmarks is None:
            people = self._detector.detect(given)
            landmarks = self._search(given, people)
        self._place = None if landmarks is None else _steady(landmarks)
        return None if landmarks is None else Sighting(landmarks, None if followed else len(people))

    def _follow(self, image: Image) -> Landmarks | None:
        """Who was in the last picture, if they are alone; None if they are not there, or others may have come."""
        self._blind += 1
        if self._place is None or len(self._tracks) > 1 or self._blind >= ROUND:
            return None
        landmarks = self._landmarker.look(image, self._place)
        if not landmarks.is_there:
            self._place = None
            return None
        self._tracks = [self._tracks[0].seen(landmarks.next)]
        return landmarks

    def _search(self, image: Image, people: list[Detection]) -> Landmarks | None:
        """Who was followed; who is chosen, if nobody was."""
        self._blind = 0
        before = self._tracks
        found = match(before, people) if before else [choose(people, self._person)]
        if landmarks := self._stay(image, people, found[0]):
            if found[0] and not landmarks.next.reaches(found[0].region):
                found[0] = None  # they did not jump there: it is somebody else
            self._tracks = going_on(before, people, found, True)
            if found[0] is None:
                self._tracks[0] = before[0].seen(landmarks.next)
            return landmarks
        landmarks = self._look(image, found[0]) if found[0] else None
        if landmarks or before:
            self._tracks = going_on(before, people, found, landmarks is not None)
        hidden = landmarks and before and _closest(people, landmarks.next) is not found[0]
        return None if hidden else landmarks

    def _stay(self, image: Image, people: list[Detection], one: Detection | None) -> Landmarks | None:
        """The landmarks of who is still in the place of the last picture, detected or not, and is nobody else."""
        if self._place is None:
            return None
        landmarks = self._landmarker.look(image, self._place)
        closest = _closest(people, landmarks.next)
        taken = closest is not None and closest is not one and landmarks.next.reaches(closest.region)
        return landmarks if landmarks.is_there and not taken else None

    def _look(self, image: Image, chosen: Detection) -> Landmarks | None:
        """The landmarks of somebody who was detected."""
        region = chosen.region
        for _ in range(self._passes):
            landmarks = self._landmarker.look(image, region)
            if not landmarks.is_there:
                return None
            region = landmarks.next
        return landmarks


def _closest(people: list[Detection], region: Region) -> Detection | None:
    return min(people, key=lambda one: one.region.apart(region), default=None)


def _steady(found: Landmarks) -> Region:
    """Where to look in the next picture: in the same place, as long as that hardly moves.

    What trembles would move the place, and that the landmarks again: without this the joints of a robot that
    imitates somebody who stands still swung by 3.0 degrees in the mean and 23 at most, with it by 1.2 and
    10 (72 postures, 12 pictures with noise of 2 grey levels each).
    """
    return found.region if found.region.is_near(found.next) else found.next
