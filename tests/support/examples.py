"""How many examples hypothesis tries: the profile scales them all."""

from __future__ import annotations

from hypothesis import settings

#: what hypothesis tries by itself, and so what a test's own number is measured by
USUAL = 100
#: what is left of a small number in a profile of few
LEAST = 5


def examples(number: int) -> settings:
    """The settings of a test that wants so many examples; in the profile `fast` it gets a tenth of them.

    Args:
        number: of examples in the usual profile.
    """
    scaled = number * settings.default.max_examples // USUAL
    return settings(max_examples=max(min(LEAST, number), scaled))
