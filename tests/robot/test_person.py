"""A simulated person: their body, how its arms move, and how it is drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.files.artifact import ArtifactError
from models.icub.kinematics import ELBOW, JOINT_LIMITS, SHOULDER, WRIST, direct
from models.icub.simulator import REST
from models.measures import swap_arms
from models.people import body, person
from models.people.appearance import Clothes, Sight
from models.people.body import GROUPS, PARTS, Body, BodyError, Build
from models.people.figure import Figure, normals_of
from models.people.person import POSTURES, Person
from models.people.skinning import arc, directions, half, pose

PEOPLE = [Build(), Build(0.0, 20.0, 0.1), Build(1.0, 70.0, 1.0), Build(1.0, 30.0, 0.5, 2.0), Build(0.3, 10.0)]


def postures(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(*JOINT_LIMITS.T, (count, 10))


@pytest.fixture(params=PEOPLE, ids=str)
def somebody(request: pytest.FixtureRequest) -> Body:
    return body.make(request.param)


# --- bodies


def test_weights_sum_to_one_and_faces_are_whole(somebody: Body) -> None:
    """Every vertex is moved by what sums to 1; every face has three vertices that there are, and a part."""
    assert somebody.weights.shape == (len(somebody.vertices), len(GROUPS))
    np.testing.assert_allclose(somebody.weights.sum(axis=1), 1.0, atol=1e-12)
    assert somebody.weights.min() >= 0.0
    assert (np.diff(np.sort(somebody.faces, axis=1), axis=1) > 0).all()
    assert 0 <= somebody.faces.min() < somebody.faces.max() < len(somebody.vertices)
    assert set(somebody.parts) == set(range(len(PARTS)))


def test_a_body_stands_on_the_floor_and_is_about_symmetric(somebody: Body) -> None:
    """The feet are at 0; the right arm is the mirror image of the left one; shoulders are above elbows."""
    assert abs(somebody.vertices[:, 2].min()) < 0.002
    np.testing.assert_allclose(somebody.joints[0] * [-1, 1, 1], somebody.joints[1], atol=0.005)
    assert (somebody.joints[:, 0, 2] > somebody.joints[:, 1, 2]).all()
    assert somebody.joints[0, 0, 0] < 0 < somebody.joints[1, 0, 0]


def test_a_body_is_as_tall_as_wished() -> None:
    """To a millimetre; who is taller has longer arms."""
    short, tall = (body.make(Build(gender=0.7, height=height)) for height in (1.68, 1.92))
    assert (round(short.height, 3), round(tall.height, 3)) == (1.68, 1.92)
    arms = [np.linalg.norm(np.diff(each.joints, axis=1), axis=-1).sum() for each in (short, tall)]
    assert arms[0] < arms[1]


def test_who_weighs_more_is_wider_and_who_is_a_child_is_smaller() -> None:
    """The attributes mean what they say."""
    thin, heavy = (body.make(Build(weight=weight, height=1.75)) for weight in (0.0, 1.0))
    belly = np.abs(thin.vertices[:, 2] - 1.1) < 0.1
    assert np.ptp(thin.vertices[belly], axis=0)[1] < np.ptp(heavy.vertices[belly], axis=0)[1]
    assert body.make(Build(age=10.0)).height < body.make(Build(age=30.0)).height


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"gender": 1.1}, "gender is a number from 0 to 1, not 1.1"),
        ({"age": 5.0}, "age is a number from 10 to 90, not 5.0"),
        ({"weight": float("nan")}, "weight is a number from 0 to 1, not nan"),
        ({"weight": "fat"}, "weight is a number from 0 to 1, not 'fat'"),
        ({"age": 10.0, "height": 2.1}, "height is 2.1; with this gender, age and weight valid is 1."),
    ],
)
def test_nobody_is_like_this(wrong: dict[str, Any], message: str) -> None:
    """The error names the attribute, the value and what is valid."""
    with pytest.raises(BodyError, match=message):
        body.make(Build(**wrong))


@pytest.mark.parametrize("content", [None, b"", b"no archive"])
def test_a_missing_or_damaged_file_of_bodies_is_named(content: bytes | None, tmp_path: Path) -> None:
    """The error names the file."""
    path = tmp_path / "bodies.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"bodies\.npz"):
        body.grid(path)


# --- skinning


def test_arms_point_as_those_of_the_icub(somebody: Body) -> None:
    """Upper arms and forearms have the iCub's directions to 1e-6, and lengths of their own."""
    lengths = np.linalg.norm(np.diff(somebody.joints, axis=1), axis=-1)
    for posture in postures(40):
        joints = pose(somebody, posture).joints
        segments = np.diff(joints, axis=1)
        np.testing.assert_allclose(np.linalg.norm(segments, axis=-1), lengths, atol=1e-9)
        np.testing.assert_array_equal(joints[:, 0], somebody.joints[:, 0])
        for arm, side in enumerate(("right", "left")):
            chain = direct(posture[5 * arm : 5 * arm + 5], side=side)[[SHOULDER, ELBOW, WRIST]]
            back, right, up = np.diff(chain, axis=0).T  # the iCub's axes
            wanted = np.stack([-right, back, up], axis=1)
            found = segments[arm] / lengths[arm][:, None]
            np.testing.assert_allclose(found, wanted / np.linalg.norm(wanted, axis=1)[:, None], atol=1e-6)


def test_only_what_belongs_to_an_arm_moves() -> None:
    """The body stays; the hand keeps its shape; the skin of an upper arm stays as far from the shoulder."""
    one = body.make(Build())
    for posture in postures(5, seed=1):
        moved = pose(one, posture)
        weights = dict(zip(GROUPS, one.weights.T, strict=True))
        still = weights["body"] == 1.0
        np.testing.assert_allclose(moved.vertices[still], one.vertices[still], atol=1e-12)
        for arm, side in enumerate(("right", "left")):
            for part, joint in (("upper arm", 0), ("forearm", 1)):
                whole = weights[f"{side} {part}"] == 1.0
                assert whole.sum() > 3
                before = np.linalg.norm(one.vertices[whole] - one.joints[arm, joint], axis=1)
                after = np.linalg.norm(moved.vertices[whole] - moved.joints[arm, joint], axis=1)
                np.testing.assert_allclose(after, before, atol=1e-9)


def test_no_armpit_is_torn(somebody: Body) -> None:
    """No edge of the skin is stretched by more than 8 cm in any of the postures that people look at."""
    edges = np.concatenate([somebody.faces[:, [0, 1]], somebody.faces[:, [1, 2]]])

    def lengths(vertices: np.ndarray) -> np.ndarray:
        return np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1)

    for posture in POSTURES:
        assert (lengths(pose(somebody, posture).vertices) - lengths(somebody.vertices)).max() < 0.08


def test_exchanged_arms_are_a_mirror_image() -> None:
    """A posture with its arms exchanged has the mirrored directions."""
    for posture in postures(5, seed=2):
        mirrored = directions(swap_arms(posture))
        np.testing.assert_allclose(mirrored[::-1] * [-1, 1, 1], directions(posture), atol=1e-9)


def test_an_arc_turns_one_direction_into_the_other_and_halves_make_a_whole() -> None:
    """Both are rotations; the half, done twice, is the whole."""
    random = np.random.default_rng(0)
    for start, end in random.normal(size=(20, 2, 3)):
        turn = arc(start, end)
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-9)
        np.testing.assert_allclose(turn @ start / np.linalg.norm(start), end / np.linalg.norm(end), atol=1e-9)
        np.testing.assert_allclose(half(turn) @ half(turn), turn, atol=1e-9)


@pytest.mark.parametrize("bad", [[1.0] * 9, [float("nan")] * 10])
def test_what_is_no_posture_is_refused(bad: list[float]) -> None:
    """Another shape, or NaN."""
    with pytest.raises(ValueError, match=r"^posture"):
        pose(body.make(Build()), bad)


# --- pictures


def test_the_skin_is_where_the_pose_says() -> None:
    """What MuJoCo draws are the vertices and normals of the pose, though it keeps meshes in frames of its own."""
    import mujoco

    one = body.make(Build())
    figure = Figure(one, Clothes(), Sight(), 64)
    moved = pose(one, POSTURES[2]).vertices
    normals = normals_of(moved, one.faces)
    meshes = list(figure.move(moved))
    assert len(meshes) == len(PARTS)
    model, data = figure.model, mujoco.MjData(figure.model)
    mujoco.mj_forward(model, data)
    for geom in range(model.ngeom):
        if model.geom_type[geom] != mujoco.mjtGeom.mjGEOM_MESH:
            continue
        mesh = model.geom_dataid[geom]
        turn, place = data.geom_xmat[geom].reshape(3, 3), data.geom_xpos[geom]
        for name, expected, shift in (("vert", moved, place), ("normal", normals, 0.0)):
            first, count = getattr(model, f"mesh_{name}adr")[mesh], getattr(model, f"mesh_{name}num")[mesh]
            drawn = getattr(model, f"mesh_{name}")[first : first + count] @ turn.T + shift
            chosen = np.unique(one.faces[one.parts == PARTS.index(model.mesh(mesh).name)])
            np.testing.assert_allclose(drawn, expected[chosen], atol=1e-5)


def test_the_same_seed_gives_the_same_pictures() -> None:
    """Picture by picture; another seed gives other noise only; without noise all are the same."""
    pictures = {}
    for seed, noise in ((0, 2.0), (0, 2.0), (1, 2.0), (0, 0.0), (1, 0.0)):
        with Person(sight=Sight(noise=noise), size=48, seed=seed) as one:
            pictures.setdefault((seed, noise), []).append([one.render(REST), one.render(POSTURES[2])])
    np.testing.assert_array_equal(*pictures[0, 2.0])
    difference = np.abs(np.subtract(pictures[0, 2.0][0], pictures[1, 2.0], dtype=float))
    assert 0.0 < difference.mean() < 5.0
    np.testing.assert_array_equal(pictures[0, 0.0], pictures[1, 0.0])


def test_a_picture_shows_posture_clothes_room_and_place() -> None:
    """RGB uint8 of the wished size; each of these changes it."""
    blank = {"noise": 0.0}
    looks: list[tuple[dict[str, Any], Any]] = [
        ({"sight": Sight(**blank)}, REST),
        ({"sight": Sight(**blank)}, POSTURES[2]),
        ({"sight": Sight(**blank), "clothes": Clothes(shirt=(1.0, 0.0, 0.0))}, REST),
        ({"sight": Sight(**blank), "clothes": Clothes(sleeves="long")}, REST),
        ({"sight": Sight(**blank), "build": Build(weight=1.0)}, REST),
        *(
            ({"sight": Sight(**blank, **change)}, REST)
            for change in ({"room": "office"}, {"distance": 3.0}, {"aside": 0.3}, {"light": 0.6}, {"turn": 30.0})
        ),
        ({"sight": Sight(**blank, light_from=60.0)}, REST),
        ({"sight": Sight(**blank, company=-0.8)}, REST),
    ]
    pictures = []
    for options, posture in looks:
        with Person(**options, size=64) as one:
            pictures.append(one.render(posture).astype(float))
    assert pictures[0].shape == (64, 64, 3)
    for index, picture in enumerate(pictures[1:], 1):
        assert np.abs(picture - pictures[0]).mean() > 0.5, looks[index]


def test_company_stands_behind_and_stays_as_it_is() -> None:
    """Who stands beside is seen on their side of the picture, and does not move when the person does."""
    pictures = {}
    for company in (None, 0.8):
        with Person(sight=Sight(noise=0.0, company=company), size=96) as one:
            pictures[company] = [one.render(posture).astype(float) for posture in POSTURES[1:3]]
    for alone, accompanied in zip(pictures[None], pictures[0.8], strict=True):
        change = np.abs(accompanied - alone).sum(axis=2)
        assert change[:, 60:].sum() > 1e4
        assert change[:, :48].sum() == 0.0
    moved = np.abs(pictures[0.8][0] - pictures[0.8][1]).sum(axis=2)
    assert moved[:, 80:].sum() < 0.01 * moved.sum()


def test_the_right_arm_is_on_the_left_of_the_picture() -> None:
    """As of anybody who looks at the camera: a raised right hand is skin in the upper left part only."""
    raised = [0.0, 155, 0, 20, 0, 0.0, 10, 0, 20, 0]
    with Person(sight=Sight(noise=0.0), size=96) as one:
        change = np.abs(one.render(raised).astype(float) - one.render(POSTURES[1])).sum(axis=2)[:40]
    assert change[:, :48].sum() > 20 * change[:, 48:].sum()


@pytest.mark.parametrize(
    ("kind", "wrong", "message"),
    [
        (Clothes, {"shirt": (1.0, 2.0, 0.0)}, "shirt is a number from 0 to 1, not 2.0"),
        (Clothes, {"hair": (1.0, 1.0)}, "hair is three numbers from 0 to 1"),
        (Clothes, {"sleeves": "rolled"}, "sleeves is 'rolled'; valid are none, short, long"),
        (Sight, {"room": "cellar"}, "room is 'cellar'; valid are plain, office, living, library"),
        (Sight, {"distance": 0.1}, "distance is a number from 0.5 to 4, not 0.1"),
        (Sight, {"company": 2.5}, "company is a number from -2 to 2, not 2.5"),
        (Sight, {"light": -1.0}, "light is a number from 0 to 4, not -1.0"),
    ],
)
def test_what_cannot_be_seen_is_refused(kind: type, wrong: dict[str, Any], message: str) -> None:
    """The error names the attribute, the value and what is valid."""
    with pytest.raises(BodyError, match=message):
        kind(**wrong)


def test_the_command_draws_people(tmp_path: Path) -> None:
    """A row for each of some people, a column for each posture."""
    import cv2

    assert person.main(["show", str(tmp_path / "people.png")]) == 0
    picture = cv2.imread(str(tmp_path / "people.png"))
    assert picture is not None
    assert picture.shape == (224 * len(person.PEOPLE), 224 * len(POSTURES), 3)
