"""DINO: a student network learns to say of a part of an image what its teacher says of the whole.

    loss = mean over images, over pairs (global crop of the teacher, another crop of the student), of
           H(p_t, p_s) = - sum_k p_t[k] log p_s[k]        p_s = softmax(s / student temperature)
    p_t is made of the teacher's output without its centre (or by Sinkhorn and Knopp), and is sharper
    teacher <- m teacher + (1 - m) student                no gradient goes through the teacher

Nothing in the loss forbids that both always say the same (collapse). Two things work against it: centring takes
away what is always said, sharpening (a low temperature) forbids to say everything equally. `models.dino.collapse`
watches.

References:
    Caron et al., Emerging properties in self-supervised vision transformers (DINO), arXiv 2104.14294: equations 1
        to 4, section 3.1 (head), and its code, github.com/facebookresearch/dino.
    Caron et al., Unsupervised learning of visual features by contrasting cluster assignments (SwAV),
        arXiv 2006.09882: section 3.1 and listing 1 (Sinkhorn and Knopp).
"""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

ANSWERS: Final = ("centring", "sinkhorn")
"""How the teacher's answers are made."""


class ProjectionHead(nn.Module):
    """Head from the class token to K numbers: three layers, a narrow place of length 1, K directions.

    Args:
        width: D of the class token.
        answers: K.
        hidden: Width of the perceptron.
        bottleneck: Width of the narrow place.

    The last layer is normalised (each direction has length 1, DINO's `norm_last_layer`): outputs are cosines,
    -1..1.
    """

    def __init__(self, width: int, answers: int, hidden: int = 2048, bottleneck: int = 256) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(width, hidden),
            nn.GELU(),
            nn.Linear(hidden, hidden),
            nn.GELU(),
            nn.Linear(hidden, bottleneck),
        )
        self.last = nn.Parameter(torch.empty(answers, bottleneck))
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            else:
                nn.init.trunc_normal_(parameter, std=0.02, a=-0.04, b=0.04)

    def forward(self, x: Tensor) -> Tensor:
        """(..., d) -> (..., K)."""
        # Always in float32: a temperature of 0.04 makes 0.1 of the 0.004 that bfloat16 is wrong by.
        with torch.autocast(x.device.type, enabled=False):
            narrow = functional.normalize(self.mlp(x.float()), dim=-1)
            return functional.linear(narrow, functional.normalize(self.last, dim=-1))


def centred(outputs: Tensor, centre: Tensor, temperature: float) -> Tensor:
    """The teacher's answers (..., K), without what it always says (equation 1, with the centre of equation 4).

    Args:
        outputs: (..., K), of the teacher's head.
        centre: (K,), the running mean of such outputs.
        temperature: Small is sharp.
    """
    return ((outputs - centre) / temperature).softmax(dim=-1)


def sinkhorn(outputs: Tensor, temperature: float, iterations: int = 3) -> Tensor:
    """The teacher's answers (n, K) of a batch, so that all K are said equally often in it.

    Rows (images) and columns (answers) are scaled in turn, rows last: a row sums to 1, a column to about n / K. In
    logarithms, so that a low temperature does not overflow.

    Args:
        outputs: (n, K), of the teacher's head for the whole batch.
        temperature: Small is sharp.
        iterations: So many times.

    Raises:
        ValueError: Another shape.
    """
    if outputs.ndim != 2 or 0 in outputs.shape:
        raise ValueError(f"outputs have shape {tuple(outputs.shape)}; valid is (n, K)")
    log_q = outputs.float() / temperature
    for _ in range(iterations):
        log_q = log_q - log_q.logsumexp(dim=0, keepdim=True)
        log_q = log_q - log_q.logsumexp(dim=1, keepdim=True)
    return log_q.exp()


def moved_centre(centre: Tensor, outputs: Tensor, momentum: float) -> Tensor:
    """The centre (K,) after a batch of outputs (..., K): equation 4."""
    mean = outputs.float().reshape(-1, outputs.shape[-1]).mean(dim=0)
    return momentum * centre + (1.0 - momentum) * mean


def cross_entropy(answers: Tensor, outputs: Tensor, temperature: float) -> Tensor:
    """The loss of each image (n,): equation 3.

    Args:
        answers: (g, n, K), the teacher's, of the g global crops.
        outputs: (c, n, K), of the student's head, of all crops; the first g are of the same crops as the
            teacher's.
        temperature: Of the student.

    Raises:
        ValueError: There is no pair of different crops.
    """
    pairs = [(t, s) for t in range(len(answers)) for s in range(len(outputs)) if s != t]
    if not pairs:
        raise ValueError(f"{len(answers)} crops of the teacher, {len(outputs)} of the student; none differ")
    log_p = (outputs.float() / temperature).log_softmax(dim=-1)
    each = [-(answers[t] * log_p[s]).sum(dim=-1) for t, s in pairs]
    return torch.stack(each).mean(dim=0)


def entropy(answers: Tensor) -> Tensor:
    """H(p) (...,) of answers (..., K), natural logarithm; 0 log 0 is 0."""
    sums: Tensor = torch.special.entr(answers).sum(dim=-1)
    return sums


@torch.no_grad()
def follow(teacher: nn.Module, student: nn.Module, momentum: float) -> None:
    """Moves the teacher towards the student: teacher <- m teacher + (1 - m) student.

    Raises:
        ValueError: They are not of the same architecture, or m is not in 0..1.
    """
    if not 0.0 <= momentum <= 1.0:
        raise ValueError(f"momentum is {momentum}; valid is 0..1")
    theirs, ours = dict(teacher.named_parameters()), dict(student.named_parameters())
    if {name: p.shape for name, p in theirs.items()} != {name: p.shape for name, p in ours.items()}:
        raise ValueError("teacher and student have different parameters")
    for name, parameter in theirs.items():
        parameter.mul_(momentum).add_(ours[name].detach(), alpha=1.0 - momentum)
