"""Training of the autoencoders of postures: epochs, checkpoints, curves. It needs torch.

A training that was interrupted, or killed, goes on from its checkpoint, and ends with the same weights as one that
was not: the checkpoint holds the networks, the state of Adam and of the schedule, and both random generators.

What was tried, and how good it was, is in docs/learning/generator.md.
"""

import io
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from models.arrays import Floats
from models.files.artifact import ArtifactError, write_atomically
from models.measures import RANGES
from models.postures.autoencoder import Autoencoder, design
from models.postures.curve import Row
from models.postures.dataset import PostureSet
from models.postures.recipe import Recipe
from models.postures.variational import Pair
from models.transformer.checkpoint import read

_KIND: Final = "agentspace training 1"
FIT, POLISH = "fit", "polish"
_PROBES: Final = 1000  # so many training postures tell after each epoch how good it is


class Training:
    """A training that can stop after any epoch, and go on later.

    Attributes:
        recipe: What is trained and how.
        curve: One row for each epoch that is done.
        pair: The networks.
    """

    def __init__(self, recipe: Recipe, data: PostureSet) -> None:
        torch.manual_seed(recipe.seed)
        torch.set_num_threads(1)  # the networks are too small for more
        self.recipe = recipe
        self.curve: list[Row] = []
        self._data, self._design = data, design(recipe.variant)
        self._random = np.random.default_rng(recipe.seed)
        self.pair = Pair.of(recipe)
        self._probe = self._scaled(data.train[:_PROBES])
        self._begin()

    @property
    def done(self) -> int:
        """Epochs that are done."""
        return len(self.curve)

    @property
    def total(self) -> int:
        """Epochs of both phases."""
        return self.recipe.epochs + self.recipe.polish

    def _phase(self) -> str:
        return FIT if self.done < self.recipe.epochs else POLISH

    def _begin(self) -> None:
        """A new optimizer for the present phase: of everything, or of the encoder alone."""
        recipe, is_fit = self.recipe, self._phase() == FIT
        parts = [self.pair.encoder, self.pair.decoder] if is_fit else [self.pair.encoder]
        epochs = recipe.epochs if is_fit else recipe.polish
        steps = max(1, epochs) * -(-len(self._data.train) // recipe.batch)
        self._optimizer = torch.optim.Adam([p for part in parts for p in part.parameters()], recipe.rate)
        self._schedule = (
            torch.optim.lr_scheduler.OneCycleLR(self._optimizer, recipe.rate, steps) if recipe.scheduled else None
        )

    def epoch(self) -> None:
        """Train for one more epoch."""
        phase = self._phase()
        if phase == POLISH and self.done == self.recipe.epochs:
            self._begin()
        mean = self._pass(self.pair.loss if phase == FIT else self.pair.polishing_loss)
        self.curve.append(Row(self.done + 1, phase, mean, self._probed()))

    def _pass(self, loss: Callable[[Tensor], Tensor]) -> float:
        """One pass over new samples; the mean loss."""
        samples = self._scaled(_samples(self.recipe, self._data, self._random))
        losses = []
        for start in range(0, len(samples), self.recipe.batch):
            self._optimizer.zero_grad()
            value = loss(samples[start : start + self.recipe.batch])
            value.backward()  # type: ignore[no-untyped-call]  # torch
            self._optimizer.step()
            if self._schedule is not None:
                self._schedule.step()
            losses.append(value.detach())
        return float(sum(losses)) / len(losses)

    def _probed(self) -> float:
        with torch.no_grad():
            answer = self.pair.decoder(self.pair.encoder(self._probe)[:, : self.recipe.latent])
        error = torch.abs(answer - self._probe).numpy() * self._design.scale / RANGES
        return float(100.0 * error.mean())

    def _scaled(self, joints: Floats) -> Tensor:
        return torch.tensor((joints - self._design.center) / self._design.scale, dtype=torch.float32)

    def model(self) -> Autoencoder:
        """The autoencoder as it is now; it remembers its recipe and its data."""
        model = self.pair.distil(self._data.train)
        model.recipe, model.data = self.recipe.as_json(), self._data.fingerprint
        return model

    def save(self, path: Path) -> None:
        """Write a checkpoint, atomically.

        Raises:
            OSError: The folder does not exist, or cannot be written.
        """
        content = io.BytesIO()
        torch.save(
            {
                "kind": _KIND,
                "recipe": asdict(self.recipe),
                "data": self._data.fingerprint,
                "curve": [tuple(row) for row in self.curve],
                "encoder": self.pair.encoder.state_dict(),
                "decoder": self.pair.decoder.state_dict(),
                "optimizer": self._optimizer.state_dict(),
                "schedule": None if self._schedule is None else self._schedule.state_dict(),
                "torch": torch.get_rng_state(),
                "numpy": json.dumps(self._random.bit_generator.state),
            },
            content,
        )
        write_atomically(path, content.getvalue())

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint; code that is pickled in it is never executed.

        Raises:
            ArtifactError: It is damaged, or of another recipe or of other data; the message says how they differ.
        """
        try:
            state = read(path)
        except ArtifactError as error:
            raise ArtifactError(f"{error}; delete it to begin anew") from error
        if not isinstance(state, dict) or state.get("kind") != _KIND:
            raise ArtifactError(f"{path} is not a checkpoint of a training of postures; delete it to begin anew")
        if differ := self._differences(state):
            raise ArtifactError(
                f"{path} is of a training that began with {'; '.join(differ)}: "
                "go on as it began, write elsewhere (--out), or begin anew (--fresh)"
            )
        try:
            self.curve = [Row(*row) for row in state["curve"]]
            # At the end of the first phase its optimizer is still the present one.
            if self.done > self.recipe.epochs:
                self._begin()
            self.pair.encoder.load_state_dict(state["encoder"])
            self.pair.decoder.load_state_dict(state["decoder"])
            self._optimizer.load_state_dict(state["optimizer"])
            if self._schedule is not None:
                self._schedule.load_state_dict(state["schedule"])
            torch.set_rng_state(state["torch"])
            self._random.bit_generator.state = json.loads(state["numpy"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ArtifactError(
                f"{path} does not hold a whole training: {error}; delete it to begin anew"
            ) from error

    def _differences(self, state: dict[str, Any]) -> list[str]:
        """Ways, in words, in which another training began with another recipe, or with other data."""
        began, asked = dict(state.get("recipe", {})), asdict(self.recipe)
        differ = [f"{k} {began.get(k)!r}, now {asked[k]!r}" for k in asked if began.get(k) != asked[k]]
        return [*differ, "other data"] if state.get("data") != self._data.fingerprint else differ


def _samples(recipe: Recipe, data: PostureSet, rng: np.random.Generator) -> Floats:
    """Postures (n, 10) of one epoch, in random order."""
    if not recipe.redraws:
        return data.train[rng.permutation(len(data.train))]
    return data.redraw(rng, len(data.train))


def train(
    recipe: Recipe,
    data: PostureSet,
    progress: bool = False,
    checkpoint: Path | None = None,
    every: float = 5.0,
) -> Training:
    """Train an autoencoder to the end; the test part of the data is not touched.

    Args:
        recipe: What to train and how.
        data: The postures.
        progress: Show a progress bar (epochs).
        checkpoint: Where to keep what is done; if the file is there, the training goes on from it. It stays
            there after the end.
        every: Seconds between checkpoints.

    Raises:
        ArtifactError: The checkpoint is damaged, or of another training.
        OSError: The checkpoint cannot be written.
    """
    training = Training(recipe, data)
    if checkpoint is not None and checkpoint.exists():
        training.restore(checkpoint)
    kept = time.monotonic()
    with tqdm(
        total=training.total, initial=training.done, desc=recipe.name, unit="epoch", disable=not progress
    ) as bar:
        while training.done < training.total:
            training.epoch()
            last = training.curve[-1]
            bar.set_postfix_str(f"loss {last.loss:.3f}, NMAE {last.nmae:.2f} %", refresh=False)
            bar.update()
            if checkpoint is not None and (time.monotonic() - kept >= every or training.done == training.total):
                training.save(checkpoint)
                kept = time.monotonic()
    return training
