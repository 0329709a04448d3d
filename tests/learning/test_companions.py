"""Several people before the camera: the features are those of one of them, and stay those of that one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

from agents.extractor import Extractor
from agentspace import LocalSpace
from agentspace.errors import ParameterError
from models.arrays import Features, Image
from models.blazepose.tracks import PATIENCE
from models.extractors import registry
from models.extractors.blazepose import ABSENT, PRESENT
from models.people.appearance import Sight
from models.people.person import POSTURES, Person
from models.postures import dataset
from tests.support.eventually import eventually

AWAY = -2.0
"""Metres to the right, where nobody is seen: the picture shows 0.93 to both sides."""
NEAR, FAR = 0.536, 0.429
"""By how much of the picture's width somebody is moved who goes a metre, two metres from the camera, and 2.5."""
COVERED = np.zeros((224, 224, 3), np.uint8)


@cache
def scene(near: float = AWAY, far: float | None = None) -> Image:
    """Somebody two metres away with raised arms, and somebody half a metre behind with arms that hang.

    Args:
        near: Where the first one stands, metres to the right in the picture.
        far: Where the other one stands; None for nobody.
    """
    company = None if far is None else round(far - near, 2)
    with Person(sight=Sight(aside=near, company=company)) as person:
        return person.render(POSTURES[2])


class Film:
    """An extractor that is shown pictures, one after the other."""

    def __init__(self, space: LocalSpace) -> None:
        self.space = space

    def show(self, image: Image) -> tuple[Features, dict[str, Any] | None]:
        """The features of the next picture, and whom they are of."""
        self.space.delete("features")
        self.space.write("camera", image)
        features = np.asarray(eventually(lambda: self.space.entry("features")).value)
        return features, self.space.read("features/person")

    def place(self, image: Image) -> float | None:
        """Where the person is whom the features of the next picture are of, from the left; None for nobody."""
        features, somebody = self.show(image)
        assert features[-1] == (ABSENT if somebody is None else PRESENT)
        return None if somebody is None else somebody["x"]


@pytest.fixture
def film() -> Iterator[Film]:
    with LocalSpace() as space:
        space.run(Extractor(network="blazepose", threads=1, validity=60.0), role="extractor")
        yield Film(space)


def steps(begin: float, end: float) -> Iterator[float]:
    """From one place to another, metres, fifteen centimetres each."""
    for place in np.linspace(begin, end, round(abs(end - begin) / 0.15) + 1):
        yield round(float(place), 2)


@pytest.mark.parametrize("end", [0.6, -1.5], ids=["beside", "behind"])
def test_who_comes_beside_or_goes_behind_is_not_taken_for_who_is_followed(film: Film, end: float) -> None:
    """Every picture is of the same person: the place, and features nearer to theirs than to the other's."""
    alone = registry.load("blazepose")
    mine, other = alone.features(scene(0.0)), alone.features(scene(AWAY, 0.0))
    _, found = film.show(scene(0.0))
    assert found is not None
    assert (found["followed"], found["people"]) == (False, 1)
    for far in steps(1.5, end):
        features, somebody = film.show(scene(0.0, far))
        assert somebody is not None
        assert (somebody["followed"], somebody["people"]) == (True, None)
        assert somebody["x"] == pytest.approx(0.5, abs=0.08)
        assert np.linalg.norm(features - mine) < np.linalg.norm(features - other)


def test_who_is_followed_stays_the_one_when_somebody_nearer_comes_and_all_is_covered(film: Film) -> None:
    """Nobody is seen while the lens is covered; who leaves is nobody for a moment; only then it is the other."""
    assert film.place(scene(AWAY, 0.0)) == pytest.approx(0.5, abs=0.08)
    for near in steps(-1.7, -0.7):
        assert film.place(scene(near, 0.0)) == pytest.approx(0.5, abs=0.08)
    assert [film.place(COVERED) for _ in range(3)] == [None] * 3
    _, again = film.show(scene(-0.7, 0.0))
    assert again is not None
    assert (again["followed"], again["people"]) == (False, 2)
    assert again["x"] == pytest.approx(0.5, abs=0.08)
    for far in steps(0.0, 0.9):
        assert film.place(scene(-0.7, far)) == pytest.approx(0.5 + FAR * far, abs=0.12)
    places = [film.place(scene(-0.7)) for _ in range(PATIENCE + 1)]
    assert places[:PATIENCE] == [None] * PATIENCE
    assert places[PATIENCE] == pytest.approx(0.5 - 0.7 * NEAR, abs=0.08)


@pytest.mark.parametrize("back", [False, True], ids=["through", "back"])
def test_who_walks_close_in_front_is_not_taken_for_who_is_followed(film: Film, back: bool) -> None:
    """While they hide the other nobody is seen; then it is the one from before, also if they turned back."""
    assert film.place(scene(AWAY, 0.0)) == pytest.approx(0.5, abs=0.08)
    way = [*steps(-1.5, 0.0), *(steps(0.0, -1.5) if back else steps(0.15, 1.5))]
    places = [film.place(scene(near, 0.0)) for near in way]
    assert all(place is None or abs(place - 0.5) < 0.08 for place in places)
    assert None not in places[:5] + places[-5:]


def test_who_walks_on_behind_somebody_is_found_at_the_other_side(film: Film) -> None:
    """By their speed; nobody is seen while they are hidden."""
    film.space.configure("extractor", {"person": "left"})
    places = [(far, film.place(scene(0.1, far))) for far in steps(-0.8, 1.0)]
    for far, place in places:
        assert place is None or place == pytest.approx(0.5 + FAR * far, abs=0.08)
    assert None not in [place for _, place in places[:2] + places[-2:]]


def test_who_is_alone_is_found_wherever_they_are(film: Film) -> None:
    """They jumped, or the camera was moved: there is nobody for whom they could be mistaken."""
    for near in (0.0, 0.0, 0.6, -0.3, -0.3):
        assert film.place(scene(near)) == pytest.approx(0.5 + NEAR * near, abs=0.08)


def test_of_two_people_the_one_is_looked_at_who_is_wanted(film: Film) -> None:
    """The nearest first; the other on demand, at once, who is on the left of the picture or on the right."""
    two = scene(0.4, -0.6)
    assert film.place(two) == pytest.approx(0.5 + 0.4 * NEAR, abs=0.08)
    for person, place in (("left", 0.5 - 0.6 * FAR), ("right", 0.5 + 0.4 * NEAR), ("left", 0.5 - 0.6 * FAR)):
        film.space.configure("extractor", {"person": person})
        _, found = film.show(two)
        assert found is not None
        assert found["x"] == pytest.approx(place, abs=0.08)
        assert (found["followed"], found["people"]) == (False, 2)
        assert film.place(two) == pytest.approx(place, abs=0.08)


def test_the_nearest_is_found_whatever_they_do_with_their_arms() -> None:
    """Who stands behind is never looked at, in a picture by itself: of twelve postures, to the left and right."""
    network = registry.load("blazepose")
    for company in (0.7, -0.7):
        with Person(sight=Sight(company=company)) as person:
            for posture in dataset.load().test[::100]:
                somebody = network.look(person.render(posture)).somebody
                assert somebody is not None
                assert somebody.x == pytest.approx(0.5, abs=0.12)


def test_the_place_is_that_in_the_whole_picture() -> None:
    """Also where only its middle is looked at; the box has the body in it, as far as it is in the picture."""
    wide = np.pad(scene(0.0), ((0, 0), (112, 112), (0, 0)))
    places = []
    for crop in ("stretch", "centre"):
        with LocalSpace() as space:
            space.run(Extractor(network="blazepose", threads=1, crop=crop, validity=60.0), role="extractor")
            _, somebody = Film(space).show(wide)
            assert somebody is not None
            places.append([somebody["x"], somebody["y"], *somebody["box"]])
    np.testing.assert_allclose(places[0], places[1], atol=0.03)
    x, y, left, top, width, height = places[0]
    assert x == pytest.approx(0.5, abs=0.02)
    assert left + 0.05 < x < left + width - 0.05
    assert top + 0.1 < y < top + height <= 1.0 + 1e-9
    assert width < 0.5


def test_people_see_whose_arms_are_followed(film: Film) -> None:
    """The map is bright where the arms are, and the picture is there to be looked at; nobody has none."""
    film.space.configure("extractor", {"gaze": 100.0, "person": "left"})
    film.show(scene(0.5, -0.5))
    maps, view = film.space.read("gaze/maps"), film.space.read("gaze/view")
    assert "arms of the person" in film.space.read("gaze/of")
    columns = np.flatnonzero(maps[0].any(axis=0)) / maps.shape[2]
    assert (columns < 0.5).all()
    assert view.dtype == np.uint8
    assert registry.load("blazepose").look(COVERED).maps is None


def test_who_sees_one_person_only_says_so() -> None:
    """In a launch, before anything starts; in a film, where it is set; and as an argument."""
    with pytest.raises(ValueError, match="hog does not tell people apart, person is 'left'; this one does: blaze"):
        registry.load("hog", person="left")
    with pytest.raises(ValueError, match="person is 'middle'; valid: nearest, left, right"):
        registry.load("blazepose", person="middle")
    assert registry.load("blazepose", person="right", crop="centre").person == "right"
    with pytest.raises(ParameterError, match="Valid: nearest, left, right"):
        Extractor(person="middle")
    told = list(Extractor(network="hog", person="right").lacks())
    assert told == ["hog does not tell people apart, person is 'right'; this one does: blazepose"]
    assert list(Extractor(network="blazepose", person="right").lacks()) == []
    with LocalSpace() as space:
        space.run(Extractor(network="hog"), role="extractor")
        eventually(lambda: space.entry("features/space"))
        with pytest.raises(ParameterError, match="hog does not tell people apart"):
            space.configure("extractor", {"person": "left"})
        assert space.configure("extractor", {"person": "nearest"}) == {"person": "nearest"}
        Film(space).show(COVERED)
        assert space.entry("features/person") is None
