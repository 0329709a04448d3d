"""Bytes that are nearly right: mutants of a corpus. The same seed makes the same ones."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

LONGEST = 1 << 16  # bytes of a mutant
_NUMBERS = (b"\x00", b"\x01", b"\x7f", b"\x80", b"\xff", b"\xff\xff", b"\xff\xff\xff\xff", b"\x00\x00\x00\x80")


class Mutator:
    """Makes mutants.

    Args:
        corpus: What they are made of; none is empty.
        words: Parts that matter to the reader: names, keys, marks of types.
        seed: Of the dice.
    """

    def __init__(self, corpus: Sequence[bytes], words: Sequence[bytes] = (), seed: int = 0) -> None:
        self._corpus = corpus
        self._words = (*words, *_NUMBERS)
        self._dice = random.Random(seed)
        self._ways: tuple[Callable[[bytearray, int], None], ...] = (
            self._flip, self._flip, self._set, self._set, self._cut, self._repeat, self._insert, self._overwrite,
            self._splice,
        )  # fmt: skip

    def __iter__(self) -> Iterator[bytes]:
        """Mutants without end."""
        draw, corpus, ways = self._dice.random, self._corpus, self._ways
        while True:
            mutant = bytearray(corpus[int(draw() * len(corpus))])
            while mutant:
                ways[int(draw() * len(ways))](mutant, int(draw() * len(mutant)))
                if draw() < 0.5:
                    break
            yield bytes(mutant[:LONGEST])

    def _flip(self, mutant: bytearray, place: int) -> None:
        mutant[place] ^= 1 << self._dice.getrandbits(3)

    def _set(self, mutant: bytearray, place: int) -> None:
        mutant[place] = self._dice.getrandbits(8)

    def _cut(self, mutant: bytearray, place: int) -> None:
        del mutant[place : place + self._span()]

    def _repeat(self, mutant: bytearray, place: int) -> None:
        mutant[place:place] = mutant[place : place + self._span()]

    def _insert(self, mutant: bytearray, place: int) -> None:
        mutant[place:place] = self._word()

    def _overwrite(self, mutant: bytearray, place: int) -> None:
        word = self._word()
        mutant[place : place + len(word)] = word

    def _splice(self, mutant: bytearray, place: int) -> None:
        other = self._corpus[int(self._dice.random() * len(self._corpus))]
        begin = int(self._dice.random() * len(other))
        mutant[place : place + self._span()] = other[begin : begin + self._span()]

    def _span(self) -> int:
        return 1 << int(self._dice.random() * 7)

    def _word(self) -> bytes:
        return self._words[int(self._dice.random() * len(self._words))]
