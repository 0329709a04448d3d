"""Pictures of the map of postures."""

import cv2
import numpy as np
import pytest

from models.postures import dataset, latent_map, model_card
from models.postures.autoencoder import load
from models.postures.latent_map import Plane
from models.postures.model_card import CardError


def test_a_map_of_two_is_itself():
    """Right is the first number of the latent, up is the second."""
    plane, latents, occupied = latent_map.grid(load("wide"), 5)
    assert latents.shape == (5, 5, 2)
    assert (np.diff(latents[0, :, 0]) > 0).all()
    assert (np.diff(latents[:, 0, 1]) < 0).all()
    assert np.ptp(latents[2, :, 1]) == pytest.approx(0)
    assert occupied[2, 2]
    assert np.allclose(plane.project(plane.latent(np.array([0.3, -0.7]))), [0.3, -0.7])


def test_more_dimensions_are_seen_in_their_principal_plane():
    """The first axis has the greater variance; the axes are orthogonal, and most latents lie in the rectangle."""
    model = load("wide-6")
    plane = Plane.of(model)
    assert plane.axes[0] @ plane.axes[1] == pytest.approx(0)
    places = plane.project(model.seen)
    spread = (places * np.linalg.norm(plane.axes, axis=1)).var(axis=0)
    assert spread[0] > spread[1] > 0
    assert (np.abs(places) <= 1).all(axis=1).mean() > 0.95
    assert plane.names[0].startswith("principal axis 1 (")


@pytest.mark.parametrize("name", ["wide-2", "ancestor-3"])
def test_pictures(name, tmp_path):
    """A map with pale postures where nothing was learned, and dots in the colours of the angles."""
    model = load(name)
    latent_map.draw_map(model, tmp_path / "map.png", 3)
    latent_map.draw_scatter(model, dataset.load().test[:200], tmp_path / "scatter.png")
    for file in ("map.png", "scatter.png"):
        picture = cv2.imread(str(tmp_path / file))
        assert min(picture.shape[:2]) > 400
        assert picture.std() > 20


def test_places_that_are_not_occupied_are_pale():
    """They keep a quarter of their contrast, and no colour."""
    picture = np.zeros((9, 9, 3), np.uint8)
    picture[..., 0] = 200
    vivid, pale = (latent_map.marked(picture, occupied) for occupied in (True, False))
    assert vivid[4, 4].tolist() == [200, 0, 0]
    assert len(set(pale[4, 4])) == 1
    assert pale[4, 4, 0] > 180
    assert (vivid[0] == 255).all()


def test_a_card_needs_its_place(tmp_path):
    """Only what is between the marks is replaced; a file without them is left alone."""
    path = tmp_path / "README.md"
    path.write_text(f"before\n{model_card.BEGIN}\nold\n{model_card.END}\nafter\n")
    model_card.write("new", path)
    assert path.read_text() == f"before\n{model_card.BEGIN}\nnew\n{model_card.END}\nafter\n"
    path.write_text("nothing")
    with pytest.raises(CardError, match="must have each of these lines once"):
        model_card.write("new", path)
    assert path.read_text() == "nothing"
