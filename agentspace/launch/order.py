"""An order in which everything comes after what it needs, and the cycles that make one impossible."""

from collections.abc import Mapping, Sequence


def order(needs: Mapping[str, Sequence[str]]) -> tuple[list[str], list[list[str]]]:
    """Sorts names so that each comes after those it needs, else as they were given.

    Args:
        needs: For each name those that it needs; every one of these must be a key too.

    Returns:
        The names in order, and the cycles found, each from a name back to that name: `["a", "b", "a"]`.
    """
    done: list[str] = []
    cycles: list[list[str]] = []
    path: list[str] = []

    def visit(name: str) -> None:
        if name in path:
            cycles.append([*path[path.index(name) :], name])
            return
        if name in done:
            return
        path.append(name)
        for needed in needs[name]:
            visit(needed)
        path.pop()
        done.append(name)

    for name in needs:
        visit(name)
    return done, cycles
