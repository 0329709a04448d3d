"""Where a person's arms point: what the network is trained to say, how, and that it helps with other people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.attention.memory import Memory
from models.extractors import registry
from models.extractors.efficientnet import COUNT
from models.extractors.network import Network
from models.extractors.person import PersonExtractor, PoseNetwork
from models.files.artifact import ArtifactError
from models.icub.kinematics import REST_ARM, arm_directions
from models.measures import nmae
from models.people.appearance import Clothes, Sight
from models.people.body import Build
from models.people.person import Person
from models.pose import training
from models.pose.crowd import Crowd, collect, main, somebody
from models.pose.training import PoseRecipe, discriminant, train
from models.postures import dataset
from models.postures.autoencoder import Layer

SHE = (Build(0.0, 25.0, 0.7), Clothes((0.75, 0.2, 0.22), hair=(0.75, 0.6, 0.3), sleeves="long"))
QUICK = PoseRecipe(components=40, discriminants=8, hidden=32, noise=0.1, epochs=60, batch=32)


@pytest.fixture(scope="module")
def extractor() -> PersonExtractor:
    return PersonExtractor.load()


def test_directions_are_unit_vectors_of_both_arms() -> None:
    """Hanging arms point down, symmetric postures differ in y only, each bone has length 1."""
    hanging = np.array([[0.0, 0.0, 0.0, 15.4, 0.0] * 2, [*REST_ARM, *REST_ARM]])
    directions = arm_directions(hanging).reshape(2, 4, 3)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=2), 1.0)
    np.testing.assert_allclose(directions[:, :2] * [1, -1, 1], directions[:, 2:], atol=1e-12)
    assert (directions[0, :, 2] < -0.8).all()


def synthetic(people: int = 30, seed: int = 0) -> Crowd:
    """Features that are linear in the directions, plus what tells people apart, which is much larger."""
    random = np.random.default_rng(seed)
    pool = dataset.load().train[:60]
    shown = np.stack([random.choice(60, 20, replace=False) for _ in range(people)])
    mixing, looks = random.normal(size=(12, 50)), random.normal(size=(4, 50))
    kinds = np.repeat(5.0 * random.normal(size=(people, 4)), 20, axis=0)
    features = (
        arm_directions(pool)[shown.ravel()] @ mixing + kinds @ looks + 0.05 * random.normal(size=(people * 20, 50))
    )
    nobody = 8.0 + random.normal(size=(2 * people, 50))
    return Crowd(
        features.astype(np.float16),
        shown.ravel(),
        np.repeat(np.arange(people), 20),
        pool,
        nobody.astype(np.float16),
        np.full((len(features), 33, 2), np.nan, np.float32),
    )


def test_discriminants_ignore_what_tells_people_apart() -> None:
    """The first directions see postures, and next to nothing of people, whose features vary much more."""
    crowd = synthetic()
    features = crowd.features.astype(np.float32)
    found = discriminant(features - features.mean(axis=0), crowd.posture, QUICK)
    assert found.shape == (50, 8)
    seen = (features - features.mean(axis=0)) @ found
    kinds, kind = np.unique(crowd.posture, return_inverse=True)
    means = np.array([seen[kind == index].mean(axis=0) for index in range(len(kinds))])
    assert np.all(means.var(axis=0)[:4] > 20.0 * (seen - means[kind]).var(axis=0)[:4])
    people = np.array([features[crowd.person == one].mean(axis=0) for one in range(30)])
    assert people.var(axis=0).sum() > 3.0 * means.var(axis=0).sum()


def test_training_finds_the_directions_for_people_it_did_not_learn_from() -> None:
    """Far better than always the median, it sees whether anybody is there, and a seed gives the same again."""
    crowd = synthetic()
    network, quality = train(crowd, QUICK)
    assert quality.error < 0.5 * quality.chance
    assert quality.missed == quality.imagined == 0.0
    assert "somebody is missed in 0.00 %" in str(quality)
    again, same = train(crowd, QUICK)
    assert same == quality
    np.testing.assert_array_equal(again.discriminant, network.discriminant)


def test_round_trip_and_bad_files(tmp_path: Path) -> None:
    """What is loaded says the same, within half precision; missing and foreign files are told with the command."""
    random = np.random.default_rng(0)
    layers = (Layer(random.normal(size=(6, 4)), np.zeros(4)), Layer(random.normal(size=(4, 12)), np.ones(12)))
    there = Layer(random.normal(size=(9, 1)), np.zeros(1))
    network = PoseNetwork(
        random.random(9).astype(np.float32), random.random((9, 6)).astype(np.float16), layers, there
    )
    network.save(tmp_path / "pose.npz")
    features = random.random((5, 9)).astype(np.float32)
    loaded = PoseNetwork.load(tmp_path / "pose.npz")
    np.testing.assert_allclose(loaded.directions(features), network.directions(features), atol=0.05)
    np.testing.assert_allclose(loaded.somebody(features), network.somebody(features), atol=1.0)
    assert loaded(features[0]).shape == (13,)
    with pytest.raises(ArtifactError, match=r"is missing; make it with: python -m models\.pose\.training train"):
        PoseNetwork.load(tmp_path / "absent.npz")
    (tmp_path / "bad.npz").write_bytes(b"nothing")
    with pytest.raises(ArtifactError, match=r"is text, not an \.npz file"):
        PoseNetwork.load(tmp_path / "bad.npz")


def test_a_crowd_is_drawn_looked_at_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two people with three postures each: whoever they are they can be drawn; the file holds what was seen."""
    path = tmp_path / "new" / "crowd.npz"
    assert main([str(path), "--people", "2", "--postures", "3"]) == 0
    crowd = Crowd.load(path)
    assert crowd.features.shape == (6, COUNT)
    assert np.isfinite(crowd.features).all()
    assert crowd.person.tolist() == [0, 0, 0, 1, 1, 1]
    assert crowd.nobody.shape == (4, COUNT)
    assert crowd.landmarks.shape == (6, 33, 2)
    assert np.isfinite(crowd.landmarks).all()
    assert len(set(crowd.posture[:3])) == 3
    assert "6 pictures of 2 people" in capsys.readouterr().out
    with pytest.raises(ValueError, match="people is 0"):
        collect(0, 3, 0)


@pytest.mark.parametrize(
    ("run", "arguments", "message"),
    [
        (main, ["x.npz", "--people", "0"], "models.pose.crowd: people is 0"),
        (main, ["x.npz", "--people", "1", "--seed", "-1"], "models.pose.crowd: seed is -1; valid is 0 or more"),
        (training.main, ["train", "absent.npz"], "models.pose.training: absent.npz cannot be read"),
    ],
)
def test_mistakes_are_told_in_one_line(
    run: Callable[[list[str]], int], arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit code 1, and without a traceback."""
    assert run(arguments) == 1
    told = capsys.readouterr().err
    assert told.startswith(message)
    assert told.count("\n") == 1


def test_people_and_rooms_are_of_all_kinds() -> None:
    """Hundreds can be drawn without one that cannot be, and they differ."""
    random = np.random.default_rng(1)
    people = [somebody(random) for _ in range(200)]
    assert len({sight.room.wall for _, _, sight in people}) == 200  # type: ignore[union-attr]
    assert {clothes.sleeves for _, clothes, _ in people} == {"none", "short", "long"}
    assert min(build.age for build, _, _ in people) < 15 < 70 < max(build.age for build, _, _ in people)


def test_other_people_elsewhere_are_imitated_better(extractor: PersonExtractor) -> None:
    """Taught by one person, the robot errs less with another one elsewhere than by plain features."""
    postures = dataset.load().test[::20]
    taught, asked = postures[:70], postures[70:]
    decorated = Sight("office", light=0.8, light_from=45.0, distance=1.7)
    with Person() as first, Person(*SHE, decorated) as second:
        lessons, questions = [first.render(one) for one in taught], [second.render(one) for one in asked]

    def error(network: Network) -> float:
        memory = Memory()
        for picture, posture in zip(lessons, taught, strict=True):
            memory.add(network.features(picture), posture)
        return nmae([memory.answer(network.features(picture))[0] for picture in questions], asked)

    assert error(extractor) < 0.8 * error(registry.load())


@pytest.mark.parametrize("what", ["covered lens", "noise", "wall", "office without anybody"])
def test_nobody_is_like_nothing_that_was_learned(what: str, extractor: PersonExtractor) -> None:
    """Before a covered lens, noise, a wall, an empty room a memory does not know; people it knows."""
    postures = dataset.load().test[::80]
    memory = Memory()
    with Person(*SHE, Sight("office")) as person:
        for posture in postures[:12]:
            memory.add(extractor.features(person.render(posture)), posture)
        others = [person.render(posture) for posture in postures[12:]]
    with Person(sight=Sight("office", aside=2.0, distance=1.5)) as away:
        room = away.render(postures[0])
    strange = {
        "covered lens": np.random.default_rng(0).integers(0, 9, (224, 224, 3)).astype(np.uint8),
        "noise": np.random.default_rng(0).integers(0, 256, (224, 224, 3)).astype(np.uint8),
        "wall": np.full((224, 224, 3), (210, 205, 190), np.uint8),
        "office without anybody": room,
    }
    assert all(memory.ask(extractor.features(picture)).certainty.known for picture in others)
    assert not memory.ask(extractor.features(strange[what])).certainty.known


def test_it_is_an_extractor_like_others(extractor: PersonExtractor) -> None:
    """The registry has it; its identifier tells its features apart from those below it; bad images are refused."""
    network = registry.load("efficientnet-lite0-person")
    picture = np.full((120, 160, 3), 90, np.uint8)
    assert network.features(picture).shape == (network.count,) == (13,)
    assert network.features(picture).dtype == np.float32
    assert network.identifier.startswith("efficientnet-lite0/block10/7x7/person/")
    with pytest.raises(TypeError, match="dtype float64"):
        network.features(picture / 255.0)
