"""The formulas of DINO, against references that are written out in NumPy."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from models.dino.schedule import Schedule
from models.dino.self_distillation import (
    ProjectionHead,
    centred,
    cross_entropy,
    entropy,
    follow,
    moved_centre,
    sinkhorn,
)


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def softmax(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize(("large", "all_crops"), [(2, 2), (2, 6), (1, 3)])
def test_the_loss_is_the_papers(large, all_crops):
    """Equation 3, written out: a mean over pairs of different crops of - sum p_t log p_s."""
    teacher, student, centre = random(large, 5, 7), random(all_crops, 5, 7, seed=1), random(7, seed=2)
    found = cross_entropy(centred(teacher, centre, 0.04), student, 0.1)
    p = softmax((teacher.double().numpy() - centre.double().numpy()) / 0.04)
    q = softmax(student.double().numpy() / 0.1)
    for image in range(5):
        terms = [
            -sum(p[t, image, k] * np.log(q[s, image, k]) for k in range(7))
            for t in range(large)
            for s in range(all_crops)
            if s != t
        ]
        assert float(found[image]) == pytest.approx(np.mean(terms), rel=1e-4)


def test_there_must_be_a_pair_of_different_crops():
    """One crop has nothing to agree with."""
    with pytest.raises(ValueError, match="1 crops of the teacher, 1 of the student"):
        cross_entropy(torch.ones(1, 2, 3) / 3, random(1, 2, 3), 0.1)


def test_the_loss_of_the_teachers_own_answers_is_their_entropy():
    """If the student says what the teacher says, nothing but the entropy is left."""
    outputs = random(3, 5)
    answers = (outputs / 0.1).softmax(dim=-1)
    found = cross_entropy(answers[None], torch.stack([outputs, outputs]), 0.1)
    assert torch.allclose(found, entropy(answers), atol=1e-5)


def test_entropy_of_certain_and_of_equal_answers():
    """0 and log K."""
    assert float(entropy(torch.tensor([0.0, 1.0, 0.0]))) == 0.0
    assert float(entropy(torch.full((8,), 1 / 8))) == pytest.approx(np.log(8))


@pytest.mark.parametrize("temperature", [1.0, 0.04, 0.002])
def test_sinkhorn_uses_all_answers_equally(temperature):
    """Rows sum to 1 at once, columns to n / K after enough iterations; low temperatures do not overflow."""
    outputs = random(32, 8).clamp(-1, 1)
    found = sinkhorn(outputs, temperature, iterations=3000)
    assert torch.allclose(found.sum(dim=1), torch.ones(32), atol=1e-4)
    assert torch.allclose(found.sum(dim=0), torch.full((8,), 4.0), atol=0.05)
    assert torch.allclose(sinkhorn(outputs, temperature).sum(dim=1), torch.ones(32), atol=1e-4)


def test_sinkhorn_is_the_plain_algorithm():
    """The same as scaling columns and rows of exp(outputs / temperature) in turn."""
    outputs = random(6, 4)
    q = np.exp(outputs.double().numpy() / 0.3)
    for _ in range(3):
        q = q / q.sum(axis=0, keepdims=True)
        q = q / q.sum(axis=1, keepdims=True)
    assert np.allclose(sinkhorn(outputs, 0.3).numpy(), q, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("shape", [(3,), (2, 3, 4), (0, 4)])
def test_sinkhorn_wants_a_batch(shape):
    """Other shapes are refused, and named."""
    with pytest.raises(ValueError, match=r"valid is \(n, K\)"):
        sinkhorn(torch.zeros(shape), 0.1)


def test_the_centre_is_a_running_mean():
    """Equation 4; the centre of what is always the same becomes that, and takes it away."""
    centre, outputs = torch.zeros(3), torch.tensor([1.0, 2.0, 3.0]).expand(2, 5, 3)
    assert torch.allclose(moved_centre(centre, outputs, 0.9), torch.tensor([0.1, 0.2, 0.3]))
    for _ in range(200):
        centre = moved_centre(centre, outputs, 0.9)
    assert torch.allclose(centred(outputs, centre, 0.04), torch.full((2, 5, 3), 1 / 3), atol=1e-5)


def test_the_head_gives_cosines():
    """Outputs lie in -1..1, and lengths of tokens and directions do not matter."""
    torch.manual_seed(0)
    head = ProjectionHead(6, 11, hidden=16, bottleneck=5)
    outputs = head(random(4, 6))
    assert outputs.shape == (4, 11)
    assert float(outputs.detach().abs().max()) <= 1.0 + 1e-6
    with torch.no_grad():
        head.last.mul_(7.0)
    assert torch.allclose(head(random(4, 6)), outputs, atol=1e-6)


def test_the_teacher_follows():
    """teacher <- m teacher + (1 - m) student, without a gradient; m = 1 leaves it, m = 0 copies."""
    torch.manual_seed(0)
    student = ProjectionHead(3, 4, hidden=5, bottleneck=2)
    teacher = copy.deepcopy(student).requires_grad_(False)
    with torch.no_grad():
        for parameter in student.parameters():
            parameter.add_(1.0)
    before = teacher.last.clone()
    follow(teacher, student, 1.0)
    assert torch.equal(teacher.last, before)
    follow(teacher, student, 0.75)
    assert torch.allclose(teacher.last, before + 0.25)
    follow(teacher, student, 0.0)
    assert all(torch.equal(a, b) for a, b in zip(teacher.parameters(), student.parameters(), strict=True))


def test_only_the_same_architecture_is_followed():
    """Other parameters, and a momentum outside of 0..1, are refused."""
    with pytest.raises(ValueError, match="different parameters"):
        follow(ProjectionHead(3, 4, 5, 2), ProjectionHead(3, 5, 5, 2), 0.9)
    with pytest.raises(ValueError, match=r"momentum is 1.5; valid is 0\.\.1"):
        follow(ProjectionHead(3, 4, 5, 2), ProjectionHead(3, 4, 5, 2), 1.5)


def test_schedules():
    """A straight line to the peak, half a cosine to the end, and then it stays."""
    schedule = Schedule(peak=1.0, end=0.2, steps=101, warmup=10, start=0.5)
    assert [schedule.at(step) for step in (0, 5, 10)] == pytest.approx([0.5, 0.75, 1.0])
    assert schedule.at(55) == pytest.approx(0.6)
    assert schedule.at(100) == schedule.at(1000) == pytest.approx(0.2)
    assert Schedule(0.996, 1.0, 3).at(0) == pytest.approx(0.996)
    assert Schedule(1.0, 0.0, 1).at(0) == pytest.approx(1.0)
