"""The interface of an extractor: what it makes of an image, and where in the image it looked."""

from typing import Final, NamedTuple, Protocol

from models.arrays import Features, Floats32

Window = tuple[float, float, float, float]
"""A part of an image: left, top, width and height, in parts of the image."""
WHOLE: Final[Window] = (0.0, 0.0, 1.0, 1.0)


class Somebody(NamedTuple):
    """Where in an image the person is whom features are of.

    Attributes:
        x: Of the middle of their trunk, in parts of the image from its left.
        y: Likewise, from its top.
        box: The part of the image that their body takes, as far as it is in it.
        people: How many people were seen; None if only the one was looked at who is followed.
    """

    x: float
    y: float
    box: Window
    people: int | None = None


class Look(NamedTuple):
    """What an extractor made of an image, and where in it.

    Attributes:
        features: (count,) float32.
        maps: (heads, h, w) float32, none of them negative: how much each place counts, row by row from the top, in
            the sense of `Network.gaze`. None if the extractor cannot tell.
        window: The part of the image that was looked at: maps cover it, and boxes are relative to it.
        somebody: Who the features are of. None if it is nobody, or the extractor cannot tell.
    """

    features: Features
    maps: Floats32 | None = None
    window: Window = WHOLE
    somebody: Somebody | None = None


class Network(Protocol):
    """A maker of features of images.

    Attributes:
        identifier: Name of the feature space; memories of features carry it, and are kept apart by it.
        count: How many features an image has.
        size: Side of the square image that it takes, pixels.
        gaze: What the maps of `look` are, in words; "" if it gives none.
        backend: What computes it, in words.
        presence: Which feature is negative where nobody is there; None if it cannot tell.
        person: Who of several people it looks at, one of `models.blazepose.choice.PEOPLE`; "" if it does not tell
            people apart. Another one may be set: then whoever was followed is forgotten.
    """

    identifier: str
    count: int
    size: int
    gaze: str
    backend: str
    presence: int | None
    person: str

    def features(self, image: object) -> Features:
        """Features (count,) float32 of an image.

        Args:
            image: See `models.arrays.as_rgb`. It is stretched to the size that the network takes.

        Raises:
            TypeError: Not an array of uint8.
            ValueError: Wrong shape.
        """

    def look(self, image: object) -> Look:
        """The same features, and where in the image they come from.

        Raises:
            TypeError: Not an array of uint8.
            ValueError: Wrong shape.
        """


def sees_somebody(network: Network, features: Features) -> bool:
    """Whether features are of somebody; True if the extractor cannot tell."""
    return network.presence is None or bool(features[network.presence] > 0.0)
