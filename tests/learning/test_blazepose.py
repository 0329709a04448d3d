"""BlazePose: what it sees is what mediapipe sees; the extractor of its landmarks; how its networks are made."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
import pytest

from agents.extractor import Extractor as ExtractorAgent
from agentspace import LocalSpace
from models.arrays import Image
from models.attention.memory import Memory
from models.blazepose import __main__ as making
from models.blazepose.arms import ArmMap, bones
from models.blazepose.detector import Detector
from models.blazepose.landmarks import Landmarker
from models.blazepose.networks import DETECTOR, LANDMARKS
from models.blazepose.pose_finder import PoseFinder
from models.extractors import registry
from models.extractors.blazepose import ABSENT, PRESENT, BlazePoseExtractor, expected
from models.extractors.felt import practise
from models.extractors.network import Network
from models.files.artifact import ArtifactError
from models.icub.kinematics import JOINT_LIMITS, arm_directions
from models.measures import nmae, swap_arms
from models.people.appearance import Clothes, Sight
from models.people.body import Build
from models.people.person import PEOPLE, POSTURES, Person
from models.pose import arms
from models.pose.arms import angle
from models.pose.crowd import Crowd
from models.postures import dataset
from models.postures.autoencoder import load
from tests.support.eventually import eventually
from tests.support.learning import mediapipe_apart

SHE = (Build(0.0, 25.0, 0.7), Clothes((0.75, 0.2, 0.22), hair=(0.75, 0.6, 0.3), sleeves="long"))


def hopper() -> Image:
    """A photograph of a real person, to the elbows, which comes with matplotlib."""
    image = cv2.imread(str(Path(mpl.get_data_path()) / "sample_data" / "grace_hopper.jpg"))
    assert image is not None
    return np.ascontiguousarray(image[..., ::-1])


@pytest.fixture(scope="module")
def people() -> dict[str, Image]:
    """Four simulated people in ten postures each, one of them also nearer to a better camera."""
    postures = dataset.load().test[:10]
    pictures = {}
    for index, (build, clothes, sight) in enumerate(PEOPLE):
        with Person(build, clothes, sight) as person:
            pictures |= {f"{index}-{number}": person.render(one) for number, one in enumerate(postures)}
    with Person(*PEOPLE[1], size=448) as person:
        pictures |= {f"large-{number}": person.render(one) for number, one in enumerate(postures[:4])}
    return pictures


@pytest.fixture(scope="module")
def extractor() -> BlazePoseExtractor:
    return BlazePoseExtractor.load()


def things() -> dict[str, Image]:
    """Pictures with nobody in them."""
    random = np.random.default_rng(0)
    wide, tall = np.zeros((120, 640, 3), np.uint8), np.full((400, 90, 3), 200, np.uint8)
    cv2.circle(wide, (300, 60), 50, (200, 90, 30), -1)
    cv2.rectangle(tall, (20, 150), (70, 390), (30, 90, 200), -1)
    noise = random.integers(0, 256, (224, 224, 3), dtype=np.uint8)
    return {"dark": np.zeros((224, 224, 3), np.uint8), "noise": noise, "wide": wide, "tall": tall}


@pytest.mark.mediapipe
def test_it_sees_what_mediapipe_sees(people: dict[str, Image], tmp_path: Path) -> None:
    """Somebody in the same pictures; landmarks in space to 1 mm (95 %: 1 cm), in the picture to 0.05 % (0.5 %)."""
    pictures = {**people, "hopper": hopper(), **things()}
    theirs = mediapipe_apart.poses(pictures, tmp_path)
    finder = PoseFinder(Detector.load(), Landmarker.load(), passes=1)  # as it looks at a picture by itself
    ours = {name: finder.find(picture) for name, picture in pictures.items()}
    assert {name for name, rows in theirs.items() if len(rows)} == {*people, "hopper"}
    assert {name for name, found in ours.items() if found} == {*people, "hopper"}
    space, plane = [], []
    for name, found in ours.items():
        if found is not None:
            height, width = pictures[name].shape[:2]
            rows = theirs[name][:25]
            space.append(np.linalg.norm(found.world[:25] - rows[:, 4:], axis=1))
            plane.append(
                np.linalg.norm(found.points[:25] - rows[:, :2] * (width, height), axis=1) / max(width, height)
            )
    assert np.median(space) < 0.001
    assert np.percentile(space, 95) < 0.01
    assert np.median(plane) < 0.0005
    assert np.percentile(plane, 95) < 0.005


@pytest.mark.mediapipe
def test_the_networks_are_made_of_those_of_mediapipe(tmp_path: Path) -> None:
    """The command makes the files that come with agentspace, to the byte, and lists their checksums."""
    installed = mediapipe_apart.package()
    assert installed is not None
    wheel = tmp_path / "mediapipe-0.10.21.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for source in (DETECTOR, LANDMARKS):
            archive.write(installed.parent / source.member, source.member)
    assert making.main(["convert", str(wheel), "--folder", str(tmp_path)]) == 0
    for source in (DETECTOR, LANDMARKS):
        assert (tmp_path / source.file).read_bytes() == source.path.read_bytes()
    assert (tmp_path / "SHA256SUMS").read_text().count(".onnx") == 2


def test_other_wheels_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No wheel, one without these networks, one with others; what is no TFLite file, and what is damaged."""
    missing, empty, other, cut = (tmp_path / f"{name}.whl" for name in ("missing", "empty", "other", "cut"))
    with zipfile.ZipFile(empty, "w"):
        pass
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr(DETECTOR.member, b"1234TFL3")
    with zipfile.ZipFile(cut, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(DETECTOR.member, bytes(range(256)))
    whole = cut.read_bytes()
    begin = 30 + len(DETECTOR.member)  # of what is packed, behind its header
    cut.write_bytes(whole[:begin] + b"\xff" * 100 + whole[begin + 100 :])
    for wheel in (missing, empty, cut):
        assert making.main(["convert", str(wheel)]) == 1
        told = capsys.readouterr().err
        assert "is not the wheel of mediapipe 0.10.21" in told
        assert "pip download --no-deps mediapipe==0.10.21" in told
    assert making.main(["convert", str(other)]) == 1
    assert f"expected is {DETECTOR.sha256}" in capsys.readouterr().err
    with pytest.raises(ArtifactError, match=r"is no TFLite file: it has b'' where b'TFL3' belongs"):
        making.converted(b"", DETECTOR)
    with pytest.raises(ArtifactError, match="is damaged, or not of the kind"):
        making.converted(b"\xff\xff\xff\x7fTFL3", DETECTOR)
    own = replace(DETECTOR, sha256=hashlib.sha256(b"1234TFL3").hexdigest())
    assert making.take(other, own) == b"1234TFL3"


def test_everybody_is_seen_and_nothing_else(people: dict[str, Image], extractor: BlazePoseExtractor) -> None:
    """Present in each picture with a person; absent in those of things, an empty room, a covered lens."""
    assert {float(extractor.features(picture)[-1]) for picture in people.values()} == {PRESENT}
    with Person(*PEOPLE[1][:2], replace(PEOPLE[1][2], aside=2.0)) as person:
        empty = person.render(POSTURES[0])
    for picture in (*things().values(), empty):
        features = extractor.features(picture)
        assert features[-1] == ABSENT
        assert not features[:-1].any()


def test_the_features_of_one_picture(people: dict[str, Image]) -> None:
    """25 of float32; the same again, and with a film's first picture; grey, RGBA, and any size are taken."""
    by_name = registry.load("blazepose")
    film = registry.load("blazepose", film=True)
    image = np.pad(people["large-0"], ((0, 0), (0, 50), (0, 0)))  # not square
    features = by_name.features(image)
    assert (features.shape, features.dtype, by_name.count) == ((25,), np.float32, 25)
    assert features[-1] == PRESENT
    assert by_name.identifier.startswith("blazepose/full/")
    np.testing.assert_array_equal(features, by_name.features(image))
    np.testing.assert_array_equal(features, film.features(image))
    np.testing.assert_array_equal(features, by_name.look(image).features)
    rgba = np.dstack([image, np.zeros(image.shape[:2], np.uint8)])
    np.testing.assert_array_equal(features, by_name.features(rgba))
    assert by_name.features(image[..., 0]).shape == (25,)
    for size in ((1, 1), (1, 300), (1, 40_000), (4320, 7680)):
        assert by_name.features(np.full((*size, 3), 90, np.uint8))[-1] == ABSENT
    for bad in (image / 255, image.astype(np.uint16), None):
        with pytest.raises(TypeError, match="valid is"):
            by_name.features(bad)
    with pytest.raises(ValueError, match="hog takes no file"):
        registry.load("hog", weights=Path("any"))
    with pytest.raises(ValueError, match="blazepose takes no file with weights"):
        registry.load("blazepose", weights=Path("any"))


def test_it_tells_right_from_left_and_up_from_down(extractor: BlazePoseExtractor) -> None:
    """The person's own right arm comes first; hanging arms point down, raised ones up."""
    hanging, raised, mixed = (0.0, 10, 0, 20, 0), (0.0, 155, 0, 20, 0), (0.0, 155, 0, 20, 0, 0, 10, 0, 20, 0)
    with Person() as person:
        down, up, right_up = (
            extractor.features(person.render(one))[12:24].reshape(2, 3, 2)
            for one in (hanging * 2, raised * 2, mixed)
        )
    assert (down[:, :2, 1] > 0.2).all()
    assert (up[:, :2, 1] < -0.2).all()
    assert (right_up[0, :2, 1] < -0.2).all()
    assert (right_up[1, :2, 1] > 0.2).all()
    assert down[0, 0, 0] < 0 < down[1, 0, 0], "their right is on the left of the picture"


def test_directions_are_those_of_the_arms_of_people_it_has_not_learned_from(extractor: BlazePoseExtractor) -> None:
    """Within 20 degrees on average, also of somebody who stands turned; what is expected of directions is seen."""
    postures = dataset.load().test[::100]
    true = arm_directions(postures)
    for sight in (Sight(), Sight("office", turn=20.0)):
        with Person(*SHE, sight) as person:
            seen = np.array([extractor.features(person.render(one)) for one in postures])
        assert angle(seen[:, :12], true) < 20.0
        imagined = expected(true)
        assert np.abs(imagined - seen).mean() < 0.15
        assert (imagined[:, -1] == PRESENT).all()


def test_a_robot_that_practised_with_its_eyes_shut_imitates(extractor: BlazePoseExtractor) -> None:
    """Its kinematics tells what the extractor says of people, of whom it has seen none; chance is 17 per cent."""
    decoder = load("wide")
    memory = Memory(extractor.identifier)
    for key, value in zip(*practise(extractor.identifier, decoder), strict=True):
        memory.add(key, value)
    true = np.clip(decoder.decode(decoder.sample(np.random.default_rng(7), 12)), *JOINT_LIMITS.T)
    with Person(*SHE, Sight("office", light=0.8)) as person:
        queries = [extractor.features(person.render(one)) for one in swap_arms(true)]
    assert nmae(decoder.decode(np.array([memory.ask(one).value for one in queries])), true) < 7.0


def test_other_people_elsewhere_are_imitated_better(extractor: BlazePoseExtractor) -> None:
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

    assert error(extractor) < 0.9 * error(registry.load())


def synthetic(people: int = 20) -> Crowd:
    """Landmarks of arms as they point, on bodies that stand somewhere and have any size."""
    random = np.random.default_rng(0)
    pool = dataset.load().train[:200]
    shown = random.choice(200, (people, 40)).ravel()
    who = np.repeat(np.arange(people), 40)
    points = np.zeros((len(who), 33, 2))
    for side, (shoulder, away) in enumerate(((12, -0.3), (11, 0.3))):
        upper, fore = (-0.5 * arm_directions(pool)[shown].reshape(-1, 2, 2, 3)[:, side, :, 1:]).transpose(1, 0, 2)
        chain = np.array([away, 0.0]) + np.stack([0.0 * upper, upper, upper + fore, upper + 1.3 * fore], axis=1)
        points[:, [shoulder + offset for offset in (0, 2, 4, 6, 8)]] = chain[:, [0, 1, 2, 3, 3]]
        points[:, shoulder + 12] = (0.7 * away, 1.0)
    sizes, corners = random.uniform(25.0, 100.0, (people, 1, 1)), random.uniform(0.0, 90.0, (people, 1, 2))
    landmarks = (sizes[who] * points + corners[who]).astype(np.float32)
    landmarks[7] = np.nan  # nobody was seen
    return Crowd(shown, who, pool, landmarks)


def test_the_map_learns_from_landmarks(tmp_path: Path) -> None:
    """Far better than always the median, the same again with the same seed, and the same from its file."""
    crowd = synthetic()
    arm_map, quality = arms.train(crowd, replace(arms.RECIPE, hidden=64, epochs=20))
    assert quality.error < 0.5 * quality.chance
    assert "nobody was seen in 0.12 % of the pictures" in str(quality)
    again, same = arms.train(crowd, replace(arms.RECIPE, hidden=64, epochs=20))
    assert same == quality
    arm_map.save(tmp_path / "arms.npz")
    seen = np.random.default_rng(1).normal(size=(5, 26))
    np.testing.assert_allclose(
        ArmMap.load(tmp_path / "arms.npz").directions(seen), again.directions(seen), atol=0.02
    )
    with pytest.raises(ArtifactError, match=r"missing; make it with: python -m models\.pose\.arms train"):
        ArmMap.load(tmp_path / "none.npz")
    assert arms.main(["train", str(tmp_path / "arms.npz")]) == 1


def test_who_is_seen_without_arms_is_absent(extractor: BlazePoseExtractor) -> None:
    """A photograph of a real person whose elbows and wrists are out of it: nothing is known of the arms."""
    assert PoseFinder.load().find(hopper()) is not None
    assert extractor.features(hopper())[-1] == ABSENT


def test_following_sees_what_searching_sees(people: dict[str, Image]) -> None:
    """In a film of somebody who moves slowly, to a few hundredths of the trunk."""
    begin, end = np.array(POSTURES[1]), np.array(POSTURES[0])
    alone, film = PoseFinder.load(), PoseFinder.load(film=True)
    differences = []
    with Person() as person:
        for share in np.linspace(0.0, 1.0, 12):
            picture = person.render(begin + share * (end - begin))
            searched, followed = alone.find(picture), film.find(picture)
            assert searched is not None
            assert followed is not None
            differences.append(np.abs(bones(searched.points) - bones(followed.points)).max())
    assert np.median(differences) < 0.05
    assert max(differences) < 0.2


def test_nobody_is_like_no_pair(people: dict[str, Image], extractor: BlazePoseExtractor) -> None:
    """A memory that has learned from a person knows that it does not know what an empty picture means."""
    memory = Memory(extractor.identifier)
    for index, picture in enumerate(people.values()):
        memory.add(extractor.features(picture), np.array([float(index % 10), 0.0]))
    assert memory.ask(extractor.features(next(iter(people.values())))).certainty.known
    for picture in things().values():
        assert not memory.ask(extractor.features(picture)).certainty.known


@pytest.fixture
def space() -> Iterator[LocalSpace]:
    with LocalSpace() as space:
        yield space


def test_the_agent_follows_a_person(space: LocalSpace, people: dict[str, Image]) -> None:
    """It says which features these are; who leaves is absent at once, who comes is there at once."""
    space.run(ExtractorAgent(network="blazepose"), role="extractor")
    somebody, nobody = next(iter(people.values())), things()["noise"]
    for picture, presence in ((somebody, PRESENT), (somebody, PRESENT), (nobody, ABSENT), (somebody, PRESENT)):
        space.delete("features")
        space.write("camera", picture)
        assert eventually(lambda: space.read("features", [0.0])[-1]) == presence
    assert space.read("features/space").startswith("blazepose/full/")
    assert "the arms of the person" in space.read("gaze/of")


def test_places_that_no_body_has_give_numbers() -> None:
    """Landmarks may lie anywhere: no exponential overflows, and directions are finite."""
    corners = np.random.default_rng(0).choice([-1e6, 1e6], (2000, 26))
    with np.errstate(all="raise", under="ignore"):
        assert np.isfinite(ArmMap.load().directions(corners)).all()
