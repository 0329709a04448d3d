"""Recipes: how the autoencoders of postures are trained; as values, as JSON, and those of what is shipped."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, get_type_hints

from models.files.artifact import write_atomically
from models.postures.autoencoder import LATENTS, design

ERRORS: Final = ("squared", "absolute")


class RecipeError(ValueError):
    """A recipe cannot be so; the message names the field, its value, and what is valid."""


@dataclass(frozen=True)
class Recipe:
    """Recipe of the training of one autoencoder.

    Attributes:
        variant: "ancestor" or "wide".
        latent: Dimension of the latent.
        seed: Of the weights, the order of the samples, and the noise.
        epochs: Passes over as many samples as the training part has.
        batch: Samples per step.
        rate: Learning rate of Adam (the highest one, where it is scheduled).
        error: "squared" or "absolute", of the scaled angles, summed over the joints.
        noise: Factor of the spread with which latents are drawn.
        divergence: Weight of the Kullback-Leibler divergence (sum over the latent) against the error.
        returning: Weight of the squared distance between a latent and what the encoder makes of its posture.
        polish: Epochs after that in which the encoder alone learns to lower the absolute error.
        redraws: Whether each epoch pairs the arms anew.
        scheduled: Whether the rate rises and falls in one cycle.
        fits_square: Whether the latent is rescaled so that most postures lie in the square -1..1.

    Raises:
        RecipeError: A value that cannot be.
    """

    variant: str
    latent: int = 2
    seed: int = 0
    epochs: int = 20
    batch: int = 32
    rate: float = 0.005
    error: str = "squared"
    noise: float = 0.1
    divergence: float = 1.0
    returning: float = 0.0
    polish: int = 0
    redraws: bool = False
    scheduled: bool = False
    fits_square: bool = False

    def __post_init__(self) -> None:
        try:
            design(self.variant)
        except ValueError as error:
            raise RecipeError(str(error)) from None
        for name, kind in _types().items():
            _check(name, getattr(self, name), kind)
        for name in ("latent", "epochs", "batch"):
            if getattr(self, name) < 1:
                raise RecipeError(f"{name} is {getattr(self, name)}; valid is 1 or more")
        if not self.rate > 0.0:
            raise RecipeError(f"rate is {self.rate}; valid is a number above 0")
        if self.error not in ERRORS:
            raise RecipeError(f"error is {self.error!r}; valid are {', '.join(map(repr, ERRORS))}")

    @property
    def name(self) -> str:
        """Such as wide-2."""
        return f"{self.variant}-{self.latent}"

    def changed(self, **changes: Any) -> Self:
        """The recipe with some fields changed; None leaves a field as it is."""
        return dataclasses.replace(self, **{name: value for name, value in changes.items() if value is not None})

    def as_json(self) -> str:
        """One line for each field."""
        return json.dumps(dataclasses.asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The recipe that `as_json` wrote, or a person; what is not said has its default.

        Raises:
            RecipeError: Not such JSON, an unknown field, or a value that cannot be.
        """
        try:
            fields = json.loads(text)
        except ValueError as error:
            raise RecipeError(f"this is not JSON: {error}") from error
        names = list(_types())
        if not isinstance(fields, dict) or "variant" not in fields or not fields.keys() <= set(names):
            found = sorted(fields.keys() - set(names)) if isinstance(fields, dict) else type(fields).__name__
            raise RecipeError(f"a recipe is an object with variant and some of {', '.join(names)}; found {found}")
        return cls(**fields)

    def write(self, path: Path) -> None:
        """Write it as JSON.

        Raises:
            OSError: The folder does not exist, or cannot be written.
        """
        write_atomically(path, f"{self.as_json()}\n".encode())

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read it from a JSON file.

        Raises:
            RecipeError: The file cannot be read, or does not hold a recipe; the message names it.
        """
        try:
            return cls.from_json(path.read_text())
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise RecipeError(f"{path}: {reason}") from error


def _types() -> dict[str, type]:
    return {name: kind for name, kind in get_type_hints(Recipe).items() if isinstance(kind, type)}


def _check(name: str, value: object, kind: type) -> None:
    """Numbers are finite and not negative, and no field is of another type; whole numbers count as numbers."""
    fits = type(value) is kind or (kind is float and type(value) is int)
    if not fits:
        raise RecipeError(f"{name} is {value!r}; valid is a value of type {kind.__name__}")
    if isinstance(value, int | float) and not 0.0 <= value < float("inf"):
        raise RecipeError(f"{name} is {value}; valid is a finite number from 0")


_WIDE: Final = Recipe(
    "wide",
    batch=256,
    noise=1.0,
    returning=0.5,
    redraws=True,
    scheduled=True,
    fits_square=True,
)
_PLANS: Final = {
    2: ("squared", 0.2, 400, 50),
    3: ("absolute", 0.1, 300, 50),
    4: ("absolute", 0.05, 400, 200),
    6: ("absolute", 0.02, 300, 50),
    8: ("absolute", 0.01, 300, 50),
}
"""Error, divergence, epochs and polish of the wide variant for each latent that comes with the project."""


def recipe_of(variant: str, latent: int = 2) -> Recipe:
    """The recipe by which the weights that come with the project were made, or its like for another latent.

    Raises:
        RecipeError: Unknown variant, or latent below 1.
    """
    if variant != "wide":
        return Recipe(variant, latent)
    error, divergence, epochs, polish = _PLANS[min(LATENTS, key=lambda known: abs(known - latent))]
    return _WIDE.changed(latent=latent, error=error, divergence=divergence, epochs=epochs, polish=polish)
