"""Who is who in a film: people, each with a place, a speed, and how near they are.

Who is near hides who is far: of two people the detector then sees one. So the nearer ones are looked for first,
each where they would be if they walked on, and who is left without a detection is hidden.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from models.blazepose.choice import nearness
from models.blazepose.detector import Detection
from models.blazepose.region import Region

PATIENCE: Final = 30
"""Pictures after which somebody who is not seen is forgotten."""
_NEWS: Final = 0.5  # how much of a speed is what was just seen of it


class Track(NamedTuple):
    """Somebody in a film.

    Attributes:
        region: Where they were seen.
        near: How near they are; see `models.blazepose.choice.nearness`.
        speed: X and y, pixels a picture.
        missed: Pictures since they were seen.
    """

    region: Region
    near: float
    speed: tuple[float, float] = (0.0, 0.0)
    missed: int = 0

    @property
    def expected(self) -> Region:
        """Where they are in the next picture, if they walk on."""
        x, y = self.speed
        passed = self.missed + 1
        return replace(self.region, x=self.region.x + passed * x, y=self.region.y + passed * y)

    def difference(self, one: Detection) -> float:
        """How unlike them somebody is who was detected: by the place, in sides, and how near they are."""
        where = self.expected
        return one.region.apart(where) / max(where.side, 1.0) + abs(math.log(nearness(one) / self.near))

    def seen(self, region: Region, near: float | None = None) -> "Track":
        """The same, after they were seen in the next picture; whoever jumped there does not go on so."""
        passed = self.missed + 1
        ways = (region.x - self.region.x) / passed, (region.y - self.region.y) / passed
        x, y = (old + _NEWS * (new - old) for old, new in zip(self.speed, ways, strict=True))
        speed = (x, y) if self.expected.reaches(region) else (0.0, 0.0)
        return Track(region, self.near if near is None else near, speed)


def match(tracks: Sequence[Track], people: Sequence[Detection]) -> list[Detection | None]:
    """What was detected of each: of the nearer ones first, and where they would be.

    If the first one is not there, though nobody is missing: whoever was hidden is the one who is left over,
    wherever they came out; else everybody moved, or the camera, and they are from left to right who they were. So
    who is alone in both pictures is the same.
    """
    found: list[Detection | None] = [None] * len(tracks)
    rest = list(people)
    for index in sorted(range(len(tracks)), key=lambda each: -tracks[each].near):
        track = tracks[index]
        closest = min(rest, key=track.difference, default=None)
        if closest is not None and track.expected.reaches(closest.region):
            found[index] = closest
            rest = [one for one in rest if one is not closest]
    if found[0] is None and len(people) == len(tracks):
        if tracks[0].missed:
            found[0] = min(rest, key=tracks[0].difference)
            return found
        order = sorted(range(len(tracks)), key=lambda each: tracks[each].expected.x)
        for index, one in zip(order, sorted(people, key=lambda one: one.region.x), strict=True):
            found[index] = one
    return found


def going_on(
    tracks: Sequence[Track], people: Sequence[Detection], found: Sequence[Detection | None], first: bool
) -> list[Track]:
    """The tracks after the next picture: of the same people, and of those who have come.

    Args:
        tracks: The first one is of who is followed; none if nobody is.
        people: Who was detected.
        found: Which of them each of the tracks is, or only the first one that will be.
        first: Whether the first one was really there.

    Returns:
        None at all, if who is followed is forgotten.
    """
    new = [Track(one.region, nearness(one)) for one in people if not any(one is other for other in found)]
    if not tracks:
        return [Track(one.region, nearness(one)) for one in found if one] + new
    known = [
        track.seen(one.region, nearness(one))
        if one and (first or index)
        else track._replace(missed=track.missed + 1)
        for index, (track, one) in enumerate(zip(tracks, found, strict=True))
    ]
    if known[0].missed >= PATIENCE:
        return []
    return [one for one in known if one.missed < PATIENCE] + new
