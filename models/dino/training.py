"""The training itself, step by step; what it is made of: `models.dino.self_distillation`, `models.dino.crops`.

Everything random comes from one generator on the processor, so that a training that goes on from its state is the
training that was never interrupted, to the last bit (on the same machine, device and versions).
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.dino.collapse import Signs, measure
from models.dino.feature_distillation import Guess, class_tokens, inputs
from models.dino.frames import Frames
from models.dino.recipe import DinoRecipe
from models.dino.self_distillation import (
    ProjectionHead,
    centred,
    cross_entropy,
    entropy,
    follow,
    moved_centre,
    sinkhorn,
)
from models.transformer.vision_transformer import Outputs, VisionTransformer

DISTIL: Final = "distil"
DINO: Final = "dino"


class HeadedNetwork(nn.Module):
    """A network with its head."""

    def __init__(self, recipe: DinoRecipe) -> None:
        super().__init__()
        self.backbone = VisionTransformer(recipe.config)
        self.head = ProjectionHead(recipe.config.width, recipe.answers, recipe.hidden, recipe.bottleneck)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Class tokens (n, d) and outputs (n, K) of images (n, 3, H, W)."""
        seen: Outputs = self.backbone(images)
        return seen.class_token, self.head(seen.class_token)


@dataclass(frozen=True)
class Step:
    """Measurements of one step.

    Attributes:
        phase: "distil" or "dino".
        loss: Mean over the batch.
        kl: Mean divergence of the student's answers from the teacher's, D(p_t, p_s); 0 in the first phase.
        gradient: Its length, before it was clipped.
        rate: Learning rate.
        signs: Of collapse; None in the first phase.
    """

    phase: str
    loss: float
    kl: float
    gradient: float
    rate: float
    signs: Signs | None = None


class Trainer:
    """A training that can be stopped after any step, and goes on from its state.

    Args:
        recipe: What is done.
        frames: What is learned from.
        targets: (n, 112, 7, 7), for the first phase; see `models.dino.feature_distillation`.
        device: Of the networks.
        bf16: Compute in bfloat16, where that is safe.

    Attributes:
        step: The next one, 0-based.
    """

    def __init__(
        self,
        recipe: DinoRecipe,
        frames: Frames,
        targets: NDArray[np.float16] | None = None,
        device: str = "cpu",
        bf16: bool = False,
    ) -> None:
        if recipe.distil and targets is None:
            raise ValueError("the recipe distils, but there are no targets")
        self.recipe, self.frames, self.step = recipe, frames, 0
        self._targets, self._device, self._bf16 = targets, torch.device(device), bf16
        self.generator = torch.Generator().manual_seed(recipe.seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            self.student = HeadedNetwork(recipe).to(self._device)
            self.guess = Guess(recipe.config).to(self._device) if recipe.distil else None
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)
        self.centre = torch.zeros(recipe.answers, device=self._device)
        self._schedules = recipe.schedules()
        self._optimizer = self._fresh_optimizer()

    @property
    def phase(self) -> str:
        """Phase of the next step."""
        return DISTIL if self.step < self.recipe.distil else DINO

    @property
    def network(self) -> VisionTransformer:
        """The network that is learned: the teacher, which is better (DINO, section 5.2), first the student."""
        return (self.student if self.phase == DISTIL else self.teacher).backbone

    def advance(self) -> Step:
        """Does one step.

        Raises:
            FloatingPointError: The loss is not finite.
        """
        done = self._distil() if self.phase == DISTIL else self._dino()
        self.step += 1
        if self.step == self.recipe.distil:
            # The teacher begins as what the student has become; the optimizer forgets.
            self.teacher.load_state_dict(self.student.state_dict())
            self._optimizer = self._fresh_optimizer()
        return done

    def features(self, indices: Sequence[int] | NDArray[np.intp]) -> NDArray[np.float32]:
        """Class tokens (n, d) of whole frames."""
        return class_tokens(self.network, self.frames, indices, self.recipe.size, self.recipe.micro)

    def state(self) -> dict[str, Any]:
        """All that decides how it goes on: tensors, numbers, strings."""
        modules = {"student": self.student, "teacher": self.teacher, "guess": self.guess}
        return {
            "step": self.step,
            "centre": self.centre,
            "generator": self.generator.get_state(),
            "optimizer": self._optimizer.state_dict(),
            **{name: module.state_dict() for name, module in modules.items() if module is not None},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a state of a trainer with the same recipe."""
        self.student.load_state_dict(state["student"])
        self.teacher.load_state_dict(state["teacher"])
        if self.guess is not None:
            self.guess.load_state_dict(state["guess"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.centre = state["centre"].to(self._device)
        self.generator.set_state(state["generator"].cpu())
        self.step = int(state["step"])

    def _distil(self) -> Step:
        assert self.guess is not None
        assert self._targets is not None
        indices, images = self._batch()
        wanted = torch.from_numpy(self._targets[indices]).to(self._device).float()
        x = inputs(images, self.recipe.size, self.generator)
        rate = self.recipe.distil_rate_at(self.step)
        loss = 0.0
        for part in self._parts():
            with self._autocast():
                each = self.guess.loss(self.student.backbone(x[part]), wanted[part])
            loss += self._backward(each)
        return Step(DISTIL, loss, 0.0, self._update(rate, self.recipe.decay), rate)

    def _dino(self) -> Step:
        step, recipe = self.step - self.recipe.distil, self.recipe
        now = {name: schedule.at(step) for name, schedule in self._schedules.items()}
        _, images = self._batch()
        crops = [crop.make(images, self.generator) for crop in recipe.crops]
        tokens, outputs = self._teach(crops[:2])
        answers = self._answers(outputs, now["teacher_temperature"])
        loss = 0.0
        for part in self._parts():
            with self._autocast():
                said = self._say([crop[part] for crop in crops])
            loss += self._backward(cross_entropy(answers[:, part], said, recipe.temperature))
        if step < recipe.frozen * recipe.steps:
            self.student.head.last.grad = None
        gradient = self._update(now["rate"], now["decay"])
        follow(self.teacher, self.student, now["momentum"])
        self.centre = moved_centre(self.centre, outputs, recipe.centre_momentum)
        kl = loss - float(entropy(answers).mean())
        signs = measure(answers[0], outputs[0], tokens[0])
        return Step(DINO, loss, kl, gradient, now["rate"], signs)

    def _batch(self) -> tuple[NDArray[np.intp], Tensor]:
        """Indices (n,) of frames whose scenes vary as much as the curriculum allows, and the frames."""
        pool = self.frames.pool(self.recipe.variation_at(self.step))
        drawn = torch.randint(len(pool), (self._size,), generator=self.generator).numpy()
        indices = pool[drawn]
        return indices, torch.from_numpy(np.array(self.frames.images[indices])).to(self._device)

    def _parts(self) -> Iterator[slice]:
        for start in range(0, self._size, self.recipe.micro):
            yield slice(start, min(start + self.recipe.micro, self._size))

    @property
    def _size(self) -> int:
        """Images in the next step."""
        return self.recipe.distil_batch if self.phase == DISTIL else self.recipe.batch

    @torch.no_grad()
    def _teach(self, crops: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Class tokens (2, n, d) and outputs (2, n, K) of the teacher, for the whole batch."""
        with self._autocast():
            each = [[self.teacher(crop[part]) for part in self._parts()] for crop in crops]
        tokens = [torch.cat([token.float() for token, _ in parts]) for parts in each]
        outputs = [torch.cat([output.float() for _, output in parts]) for parts in each]
        return torch.stack(tokens), torch.stack(outputs)

    def _answers(self, outputs: Tensor, temperature: float) -> Tensor:
        if self.recipe.method == "sinkhorn":
            return torch.stack([sinkhorn(each, temperature) for each in outputs])
        return centred(outputs, self.centre, temperature)

    def _say(self, crops: list[Tensor]) -> Tensor:
        """Outputs (c, n, K) of the student; crops of one size go through it together."""
        n = len(crops[0])
        said = [self.student(torch.cat(group))[1] for group in (crops[:2], crops[2:]) if group]
        return torch.cat([each.unflatten(0, (-1, n)) for each in said])

    def _backward(self, each: Tensor) -> float:
        """Adds the gradient of a part of the batch; gives its part of the mean loss."""
        loss = each.sum() / self._size
        if not bool(loss.isfinite()):
            raise FloatingPointError(f"the loss at step {self.step} is {loss.item()}; try a smaller rate")
        loss.backward()  # type: ignore[no-untyped-call]  # torch
        return float(loss.detach())

    def _update(self, rate: float, decay: float) -> float:
        """Moves the student; gives the length of the gradient (clipped as a whole, as in DINOv2)."""
        parameters = [p for group in self._optimizer.param_groups for p in group["params"]]
        length = nn.utils.clip_grad_norm_(parameters, self.recipe.clip or float("inf"))
        for group in self._optimizer.param_groups:
            group["lr"] = rate
            group["weight_decay"] = decay if group["decays"] else 0.0
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        return float(length)

    def _fresh_optimizer(self) -> torch.optim.AdamW:
        """AdamW (arXiv 1711.05101); biases, norms, and what has one dimension do not decay, as in DINO's code."""
        modules = [self.student, *([self.guess] if self.guess is not None else [])]
        parameters = [p for module in modules for p in module.parameters()]
        groups = [
            {"params": [p for p in parameters if (p.ndim > 1) == decays], "decays": decays}
            for decays in (True, False)
        ]
        return torch.optim.AdamW(groups)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self._device.type, torch.bfloat16, enabled=self._bf16)
