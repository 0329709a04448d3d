"""The extractor: pictures -> features, by a network."""

import math
from collections.abc import Iterator
from logging import INFO, WARNING
from pathlib import Path
from typing import Any, Final

import numpy as np

from agents.pictures.gaze import GazeFollower
from agentspace import EMPTY, Agent, Parameter, SlotName
from agentspace.errors import ParameterError
from models.arrays import Features
from models.blazepose.choice import NEAREST, PEOPLE
from models.extractors import registry
from models.extractors.crop import CROPS, STRETCH
from models.extractors.needs import lacking
from models.extractors.network import Look, sees_somebody
from models.extractors.one_euro import OneEuro

LASTS: Final = 3.0
"""Looks after which it is not known any more where it looks, if none came since."""
FASTEST: Final = 1000.0
"""Cutoff frequency that calms nothing, Hz."""
OFTEN: Final = 100.0
"""Looks per second at most."""


class NetworkName(Parameter[str]):
    """The name of an extractor; a wrong one is told before anything starts."""

    def parse(self, value: Any) -> str:
        """The name, if there is such an extractor.

        Raises:
            ParameterError: There is none.
        """
        try:
            return registry.check(super().parse(value))
        except ValueError as error:
            raise ParameterError(f"parameter {self.name!r}: {error}") from None


class Extractor(Agent):
    """Picture -> features, by EfficientNet, DINO, HOG or any ONNX file; swap it while the robot goes on.

    Where it looks in a picture it tells only as often as `gaze` or somebody in `gaze/wanted` says.
    """

    image = SlotName("camera", "RGB image (H, W, 3) uint8; grey and RGBA are taken as well")
    features = SlotName("features", "float32 (n,)")
    identifier = SlotName("features/space", "str: which features these are; others cannot be compared with them")
    presence = SlotName("features/presence", "int: which feature is negative where nobody is; None: none is")
    refused_image = SlotName("features/refused", "str: why the last bad picture was refused")
    somebody = SlotName(
        "features/person",
        "dict: x, y of whose features these are, and box (left, top, width, height), in parts of the picture; "
        "whether followed; how many people were seen. None: nobody",
    )
    runtime = SlotName("features/runtime", "str: what computes the features here, and why")
    gaze_wanted = SlotName("gaze/wanted", "float: looks per second that somebody wants, as long as it is valid")
    gaze_kind = SlotName("gaze/of", "str: what the maps are; that there are none, if this network has none")
    gaze_maps = SlotName("gaze/maps", "float32 (1 + heads, h, w): where it looks, the mean of the heads first")
    gaze_points = SlotName("gaze/points", "float64 (1 + heads, 2): x, y of what counts most, 0..1, steadied")
    gaze_view = SlotName("gaze/view", "RGB image (H, W, 3) uint8: maps and points over the picture")
    network = NetworkName(
        registry.DEFAULT,
        f"which extractor: {', '.join(registry.NAMES)}, onnx:FILE; {registry.AUTO}: {registry.BLAZEPOSE}, which "
        f"is best at people, or {registry.DEFAULT} where that cannot look",
    )
    weights = Parameter(
        "", "file with the weights of a Vision Transformer; empty: the official ones, fetched once"
    )
    backend = Parameter(registry.AUTO, "what runs the network", choices=registry.EVERY_BACKEND)
    crop = Parameter(STRETCH, "what it looks at: all of the picture, or the square in its middle", choices=CROPS)
    calm = Parameter(
        0.0,
        "cutoff frequency of a filter of the features, Hz; 0: none",
        minimum=0.0,
        maximum=FASTEST,
        live=True,
    )
    person = Parameter(
        NEAREST,
        "of several people the one to look at, unless one is followed; left and right as in the picture",
        choices=PEOPLE,
        live=True,
    )
    gaze = Parameter(0.0, "looks per second; 0: when somebody wants", minimum=0.0, maximum=OFTEN, live=True)
    validity = Parameter(1.0, "seconds for which the features of a picture are valid", minimum=0.01, live=True)
    threads = Parameter(0, "of the computation; 0: as many as pay, measured, up to AGENTSPACE_THREADS", minimum=0)

    def lacks(self) -> Iterator[str]:
        """Says which file, package or server it lacks, and which settings do not go together."""
        weights = Path(self.weights).expanduser() if self.weights else None
        return lacking(self.network, weights, self.backend, self.project, self.person)

    def prepare(self) -> None:
        """Loads the network; what a swap hands on from a predecessor with another network, it leaves out."""
        self._settled = registry.settle(self.network)
        name, reason = self._settled
        given = self.weights and registry.takes_weights(name)
        weights = Path(self.weights).expanduser() if given else None
        valid = registry.backends(name)
        backend = self.backend if self.backend in valid else registry.AUTO
        if backend != self.backend:
            self.log.warning("%s has no backend %s; valid: %s", name, self.backend, ", ".join(valid))
        if missing := registry.to_fetch(name, weights):
            self.log.warning("fetches %s", missing)
        self._network = registry.load(name, self.threads, weights, backend, self.project, self.crop, film=True)
        if self.person != NEAREST and not self._network.person:
            self.log.warning("%s does not tell people apart: person=%s does nothing", name, self.person)
        self.log.log(WARNING if reason else INFO, "%s looks: %s", name, self._runs())

    def init(self) -> None:
        """Says which features these are."""
        self._follower = GazeFollower()
        self._filter = OneEuro(self.calm or FASTEST)
        self._wanted = _rate(self.read(self.gaze_wanted))
        self._choose()
        self.write(self.identifier, self._network.identifier)
        self.write(self.presence, self._network.presence)
        self.write(self.runtime, self._runs())
        self.write(self.gaze_kind, self._network.gaze or "nothing: this network does not tell where it looks")
        self.attach_trigger(self.image)
        self.attach_trigger(self.gaze_wanted)

    def parameters_changed(self, names: frozenset[str]) -> None:
        """Looks for the person who is meant from now on.

        Raises:
            ValueError: This network does not tell people apart.
        """
        if "person" in names:
            registry.check_arguments(self._settled.name, person=self.person)
            self._choose()

    def sense_select_act(self) -> None:
        """Looks at the newest picture."""
        if self.gaze_wanted in self.wake.names:
            self._wanted = _rate(self.read(self.gaze_wanted))
        image = self.read(self.image, EMPTY) if self.image in self.wake.names else EMPTY
        if image is EMPTY:
            return
        try:
            self._see(image)
        except (TypeError, ValueError) as error:
            self.write(self.refused_image, f"{self.image}: {error}")

    def _see(self, image: Any) -> None:
        rate, now = max(self.gaze, self._wanted), self.now()
        due = bool(self._network.gaze) and self._follower.is_due(rate, now)
        if not (due or self._network.person):
            self._say(self._network.features(image), now)
            return
        look = self._network.look(image)
        self._say(look.features, now)
        if self._network.person:
            self.write(self.somebody, _told(look), validity=self.validity)
        if due and (gaze := self._follower.follow(image, look, now)):
            lasts = max(self.validity, LASTS / rate)
            self.write(self.gaze_maps, gaze.maps, validity=lasts)
            self.write(self.gaze_points, gaze.points, validity=lasts)
            self.write(self.gaze_view, gaze.view, validity=lasts)

    def _runs(self) -> str:
        """What computes the features, and why it is that."""
        return "; ".join(filter(None, (self._network.backend, self._settled.reason)))

    def _choose(self) -> None:
        if self._network.person:
            self._network.person = self.person

    def _say(self, features: Features, now: float) -> None:
        """Tells the features, calmed where that is wished; whoever comes, or comes back, begins anew."""
        if self.calm > 0.0 and sees_somebody(self._network, features):
            self._filter.cutoff = self.calm
            features = np.asarray(self._filter.follow(features, now), np.float32)
        else:
            self._filter.forget()
        self.write(self.features, features, validity=self.validity)


def _told(look: Look) -> dict[str, Any] | None:
    """Where the person is whom features are of, in parts of the picture; None if it is nobody."""
    if look.somebody is None:
        return None
    x, y, box, people = look.somebody
    left, top, width, height = look.window
    return {
        "x": left + x * width,
        "y": top + y * height,
        "box": [left + box[0] * width, top + box[1] * height, box[2] * width, box[3] * height],
        "followed": people is None,
        "people": people,
    }


def _rate(wanted: Any) -> float:
    """The looks per second in a slot; 0 if it has no such number."""
    fine = isinstance(wanted, int | float) and math.isfinite(wanted)
    return min(max(0.0, float(wanted)), OFTEN) if fine else 0.0
