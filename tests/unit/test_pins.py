"""`constraints.txt` holds for every Python that is supported; `make pins` makes it."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LINES = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
PINS = [Requirement(line) for line in LINES if not line.startswith("#")]
PYTHONS = ("3.11.0", "3.11.5", "3.12.0", "3.13.0", "3.14.0")


def environment(python: str) -> dict[str, str]:
    """What markers ask, for a version of CPython on Linux."""
    versions = {"python_full_version": python, "python_version": python.rpartition(".")[0]}
    linux = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64"}
    cpython = {"implementation_name": "cpython", "platform_python_implementation": "CPython"}
    return versions | linux | cpython


def pins(python: str) -> dict[str, str]:
    """The version of each package there; one package has one."""
    found: dict[str, str] = {}
    for pin in PINS:
        if pin.marker is None or pin.marker.evaluate(environment(python)):
            (exact,) = pin.specifier
            assert exact.operator == "=="
            assert canonicalize_name(pin.name) not in found, f"two pins of {pin.name} hold for Python {python}"
            found[canonicalize_name(pin.name)] = exact.version
    return found


@pytest.mark.parametrize("python", PYTHONS)
def test_every_requirement_has_a_pin(python):
    """All that `pyproject.toml` asks for, extras included, is pinned, to a version that it allows."""
    known = pins(python)
    extras = PROJECT["project"]["optional-dependencies"]
    for text in sum(extras.values(), PROJECT["project"]["dependencies"]):
        wanted = Requirement(text)
        version = known.get(canonicalize_name(wanted.name))
        assert version is not None, f"{text}: no pin for Python {python}; `make pins` makes them"
        assert wanted.specifier.contains(version), f"{text}: the pin is {version}; `make pins` makes them anew"


def test_the_pythons_are_those_that_are_promised():
    """The classifiers name them, and the oldest is the oldest that is let in."""
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["project"]["classifiers"]))
    assert named == sorted({python.rpartition(".")[0] for python in PYTHONS}, key=lambda text: int(text[2:]))
    assert PROJECT["project"]["requires-python"] == f">={named[0]}"
    assert PYTHONS[0] == f"{named[0]}.0"
