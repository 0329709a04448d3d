"""Data, training and run time of the autoencoders of postures."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.files.artifact import WEIGHTS, ArtifactError, checksum, verify, write_arrays
from models.icub.kinematics import ARM_LIMITS, JOINT_LIMITS, WRIST, direct
from models.measures import chance, nmae, nmae_per_joint
from models.postures import autoencoder, dataset
from models.postures.autoencoder import LATENTS, NAMES, NICE_LATENTS, VARIANTS, load, load_file, parse
from tests.support.examples import examples

CARD = (WEIGHTS / "README.md").read_text()


@pytest.fixture(scope="module")
def data():
    return dataset.load()


@pytest.fixture(params=VARIANTS, scope="module")
def model(request):
    return load(request.param)


def test_data_are_what_they_say(data):
    """10 000 postures, half symmetric, wrists straight, each arm reaching its point, a fifth for testing."""
    assert data.joints.shape == (10_000, 10)
    assert data.train.shape == (8000, 10)
    assert data.test.shape == (2000, 10)
    for part in (data.train, data.test):
        symmetric = (part[:, :5] == part[:, 5:]).all(axis=1)
        assert 0.47 < symmetric.mean() < 0.53
    assert not data.joints[:, [4, 9]].any()
    assert (data.arm >= ARM_LIMITS[:, 0] - 1e-4).all()
    assert (data.arm <= ARM_LIMITS[:, 1] + 1e-4).all()
    assert np.linalg.norm(direct(data.arm)[:, WRIST] - data.points, axis=1).max() < 3.0


def test_no_arm_of_the_test_was_learned_from(data):
    """The parts share no posture of an arm."""
    learned = set(data.right[~data.is_test]) | set(data.left[~data.is_test])
    tested = set(data.right[data.is_test]) | set(data.left[data.is_test])
    assert not learned & tested


@pytest.mark.timeout(600)
def test_the_command_makes_the_committed_data(tmp_path, data):
    """The same seed gives the committed postures again."""
    made, _ = dataset.make(seed=0)
    dataset.save(made, tmp_path / "postures.npz")
    again = dataset.load(tmp_path / "postures.npz")
    assert np.array_equal(again.joints, data.joints)
    assert np.array_equal(again.is_test, data.is_test)


def test_saving_data_twice_gives_the_same_bytes(tmp_path, data):
    """Files do not depend on the time of the day."""
    dataset.save(data, tmp_path / "a.npz")
    dataset.save(data, tmp_path / "b.npz")
    assert checksum(tmp_path / "a.npz") == checksum(tmp_path / "b.npz")


@pytest.mark.parametrize(("arguments", "message"), [((5,), "samples is 5"), ((100, 6.0), "choose a larger step")])
def test_bad_data_arguments(arguments, message, monkeypatch):
    """Impossible data sets are refused."""
    many = np.zeros((70_000, 3)), np.zeros((70_000, 5))
    monkeypatch.setattr("models.postures.dataset.reachable", lambda *_: many)
    with pytest.raises(ValueError, match=message):
        dataset.make(*arguments)


BARS = {"ancestor": (14.0, 14.0, 14.0, 14.0, 14.0), "wide": (6.8, 5.6, 3.9, 1.6, 1.0)}
"""NMAE in per cent that the latents may have at most."""


@pytest.mark.parametrize(
    ("variant", "latent", "limit"),
    [(v, m, bar) for v, bars in BARS.items() for m, bar in zip(LATENTS, bars, strict=True)],
)
def test_committed_weights_reach_their_nmae(variant, latent, limit, data):
    """On the test part the reconstruction is as good as the model card says, and far below chance."""
    model = load(variant, latent)
    assert (model.name, model.latent) == (f"{variant}-{latent}", latent)
    answer = model.decode(model.encode(data.test))
    error = nmae(answer, data.test)
    assert error < limit
    assert error < 0.7 * chance(data.train, data.test)
    row = next(
        line for line in CARD.splitlines() if line.startswith(f"| {variant}-{latent} | ") and " % (" in line
    )
    assert f"| {error:.2f} % (" in row
    assert [f"{e:.2f}" for e in nmae_per_joint(answer, data.test)] == row.strip("| ").split(" | ")[3:]
    assert model.data == data.fingerprint


def test_the_card_states_chance(data):
    """The model card has the chance line of the committed data."""
    assert f"{chance(data.train, data.test):.2f} %" in CARD


def test_all_committed_files_are_whole():
    """Every file in models/weights has its checksum in SHA256SUMS, and the other way round."""
    listed = {line.split()[1] for line in (WEIGHTS / "SHA256SUMS").read_text().splitlines()}
    assert {"ancestor-2.npz", "wide-2.npz", "postures.npz", "efficientnet-lite0-block10.onnx"} <= listed
    for name in listed:
        verify(WEIGHTS / name, "see the README")


@given(arrays(np.float64, (3, 2), elements=st.floats(-3, 3)))
@examples(50)
def test_wide_decodes_within_the_limits(latents):
    """Whatever the latent, the robot can take the posture."""
    joints = load("wide").decode(latents)
    assert (joints >= JOINT_LIMITS[:, 0]).all()
    assert (joints <= JOINT_LIMITS[:, 1]).all()


def test_the_map_holds_postures_of_unlike_arms(data):
    """Half of the data are not symmetric; a training may forget them all, and then seems to imitate better."""

    def symmetric(postures):
        return float((np.abs(postures[:, :5] - postures[:, 5:]).mean(axis=1) < 6.0).mean())

    assert symmetric(data.train) < 0.6
    for name in ("wide-2", "wide-3", "wide-4", "wide-6", "wide-8", "ancestor-2"):
        model = load(name)
        assert symmetric(model.decode(model.sample(np.random.default_rng(0), 1000))) < 0.75, name


def test_shapes(model):
    """Single postures and batches of any shape; a batch gives what its members give."""
    latents = np.random.default_rng(0).uniform(-1, 1, size=(3, 4, 2))
    joints = model.decode(latents)
    assert joints.shape == (3, 4, 10)
    assert model.encode(joints).shape == (3, 4, 2)
    assert model.decode(latents[1, 2]) == pytest.approx(joints[1, 2])
    assert model.encode(joints[1, 2]) == pytest.approx(model.encode(joints)[1, 2])
    assert model.decode([0.1, 0.2]).shape == (10,)
    assert model.decode(np.zeros((0, 2))).shape == (0, 10)


def test_nearby_latents_are_nearby_postures(model):
    """The map is continuous: a step of a thousandth moves no joint by more than 3 degrees."""
    rng = np.random.default_rng(1)
    latents = model.sample(rng, 500)
    moved = model.decode(latents + 1e-3) - model.decode(latents)
    assert np.abs(moved).max() < 3.0


def test_samples_are_plausible(model, data):
    """Sampled latents are spread like encoded postures, are repeatable, and decode to what was learned from."""
    latents = model.sample(np.random.default_rng(2), 1000)
    assert latents.shape == (1000, 2)
    assert np.array_equal(latents, model.sample(np.random.default_rng(2), 1000))
    encoded = model.encode(data.train)
    assert np.allclose(latents.mean(axis=0), encoded.mean(axis=0), atol=0.15 * encoded.std())
    assert np.allclose(latents.std(axis=0), encoded.std(axis=0), rtol=0.15)
    decoded = model.decode(latents)
    learned = model.decode(encoded)
    nearest = [np.abs(learned - posture).mean(axis=1).min() for posture in decoded[:200]]
    assert np.mean(nearest) < 2.0


def test_wide_fills_the_square():
    """Most sampled latents of the wide variant lie in -1..1, for a map that one can click on."""
    latents = load("wide").sample(np.random.default_rng(3), 2000)
    assert (np.abs(latents) <= 1.05).all(axis=1).mean() > 0.95
    assert (np.abs(latents).max(axis=0) > 0.7).all()


def test_encoding_a_decoded_posture_returns_its_latent(model):
    """Proprioception (the encoder) agrees with the act that caused the angles, in degrees and latents."""
    latents = model.sample(np.random.default_rng(4), 1000)
    joints = model.decode(latents)
    again = model.encode(joints)
    assert np.median(np.linalg.norm(again - latents, axis=1)) < 1e-3
    assert nmae(model.decode(again), joints) < 0.3


def test_refinement_never_harms(model, data):
    """No posture is reconstructed worse than by the encoder alone (in the sum of scaled errors)."""
    scale = autoencoder.design(model.variant).scale
    guess, refined = (
        (np.abs(model.decode(latents) - data.test) / scale).sum(axis=1)
        for latents in (model.guess(data.test), model.encode(data.test))
    )
    assert (refined <= guess + 1e-6).mean() > 0.99  # angles are clipped after it, which it does not see
    assert refined.mean() < 0.97 * guess.mean()


def test_what_is_felt_is_continuous(data):
    """A noise of a tenth of a degree moves refined latents of most postures by less than 1/100 of the map."""
    model = load("wide")
    noise = np.random.default_rng(5).normal(scale=0.1, size=data.test.shape)
    moved = np.linalg.norm(model.encode(data.test + noise) - model.encode(data.test), axis=1)
    assert np.percentile(moved, 90) < 0.01
    assert np.percentile(moved, 99) < 0.05


def test_the_derivative_of_the_decoder():
    """What refinement goes by is the slope of the decoder."""
    for name in ("wide-2", "ancestor-2"):
        model = load(name)
        latents = model.sample(np.random.default_rng(6), 20)
        value, slope = model.linearised(latents)
        for axis in range(2):
            step = np.eye(2)[axis] * 1e-6
            numeric = (model.linearised(latents + step)[0] - model.linearised(latents - step)[0]) / 2e-6
            assert np.allclose(slope[:, axis], numeric, atol=1e-4)
        assert value.shape == (20, 10)


def test_names():
    """Variant alone means latent 2; all names can be loaded; others are refused."""
    assert parse("wide") == ("wide", 2)
    assert parse("ancestor-8") == ("ancestor", 8)
    assert {load(name).latent for name in NAMES} == set(LATENTS)
    for bad in ("wide-", "wide--2", "wide-0", "wide-two", "wide-2-3"):
        with pytest.raises(ValueError, match="valid names are wide, ancestor, wide-2"):
            load(bad)


def test_nice_latents():
    """The ancestor's eight postures are in the square of its map."""
    assert NICE_LATENTS.shape == (8, 2)
    assert NICE_LATENTS[0] == pytest.approx([0.1, -0.31])
    assert np.abs(NICE_LATENTS).max() < 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: load("deep"), "variant is 'deep'; valid variants are 'ancestor', 'wide'"),
        (
            lambda: load("wide", 7),
            r"no weights for variant 'wide' with latent 7; there are: ancestor-2, ancestor-3",
        ),
        (lambda: load("wide").decode([1.0, 2.0, 3.0]), r"latent has shape \(3,\); valid is \(\.\.\., 2\)"),
        (lambda: load("wide").decode([np.nan, 0.0]), "latent contains NaN"),
        (lambda: load("wide").encode(np.zeros(9)), r"joints has shape \(9,\); valid is \(\.\.\., 10\)"),
        (lambda: load("wide").encode(np.full(10, np.inf)), "joints contains NaN or infinity"),
    ],
)
def test_errors(call, message):
    """Errors name the bad value and the valid ones."""
    with pytest.raises(ValueError, match=message):
        call()


def test_damaged_weights(tmp_path, monkeypatch):
    """Cut off, changed, foreign and inconsistent weights are refused."""
    whole = (WEIGHTS / "wide-2.npz").read_bytes()
    (tmp_path / "SHA256SUMS").write_text((WEIGHTS / "SHA256SUMS").read_text())
    monkeypatch.setattr(autoencoder, "WEIGHTS", tmp_path)
    path = tmp_path / "wide-2.npz"
    path.write_bytes(whole[:-7])
    with pytest.raises(ArtifactError, match=r"damaged.*python -m models.postures train wide-2"):
        load("wide")
    with pytest.raises(ArtifactError, match="cut off"):
        load_file(path)
    write_arrays(path, "something else", {})
    with pytest.raises(ArtifactError, match="holds 'something else'"):
        load_file(path)
    write_arrays(path, "agentspace autoencoder 1", {"variant": np.array("wide")})
    with pytest.raises(ArtifactError, match="does not hold a whole autoencoder"):
        load_file(path)
    with pytest.raises(ArtifactError, match="cannot be read"):
        load_file(tmp_path / "absent.npz")


def test_run_time_needs_no_torch():
    """What agents import does not import torch, nor onnxruntime before an extractor is loaded."""
    code = (
        "import sys, models.attention.memory, models.extractors.efficientnet, models.icub.kinematics\n"
        "import models.measures, models.postures.autoencoder\n"
        "models.postures.autoencoder.load()\n"
        "print([name for name in ('torch', 'onnx', 'onnxruntime', 'cv2') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
