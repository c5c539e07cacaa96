"""Finds regular expressions that take hours over a short text which nearly matches, as ``(a+)+b`` does.

Java tries every way to divide a text among the repetitions of a pattern. There are exponentially many where a part that
repeats can go round in two ways over the same characters. So the pattern is made an automaton, one state for each
character that it names, and looked through for two different round trips (Weber and Seidl; Weideman and others).
"""

from __future__ import annotations

import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar

MOST_STATES = 500
_MOST_COPIES = 64
_FEW = 8
# One of each kind that patterns tell apart.
_SAMPLE = "".join(map(chr, range(256))) + "Āя中\u2028😀"
_TOKEN = re.compile(
    r"""(?P<quoted>\\Q.*?(?:\\E|\Z))|(?P<empty>\^|\$|\\[bBAzZG]|\(\?[a-zA-Z-]+\))
      |(?P<atom>\\(?:[pP](?:\{[^}]*\}|\w)|x\{[0-9A-Fa-f]+\}|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|N\{[^}]*\}|k<\w+>|c.|.)
         |\[\^?\]?(?:\\.|\[(?:\\.|[^\]])*\]|[^\]\\])*\]|\.)
      |(?P<atomic>\(\?>)|(?P<look>\(\?<?[=!])|(?P<open>\((?:\?<\w+>|\?[a-zA-Z-]*:)?)|(?P<close>\))|(?P<or>\|)
      |(?P<repeat>(?:[*+?]|\{\d+(?:,\d*)?\})[?+]?)|(?P<char>.)""",
    re.VERBOSE | re.DOTALL,
)

_State = TypeVar("_State")


@dataclass
class _Part:
    """A part of a pattern: states that it can begin and end in, and whether it can be empty."""

    first: list[int] = field(default_factory=list)
    last: list[int] = field(default_factory=list)
    empty: bool = True


class _Automaton:
    """The states of a pattern with the characters of each, and in how many ways one leads to the next."""

    def __init__(self, pattern: str) -> None:
        self.sets: list[frozenset[str]] = []
        self.next: dict[int, Counter[int]] = defaultdict(Counter)
        self.repeats_nothing = False
        self._flags = re.IGNORECASE if re.search(r"\(\?[a-z]*i", pattern) else 0
        self._tokens = [(found.lastgroup or "", found[0]) for found in _TOKEN.finditer(pattern)]
        self._place = 0
        self._atomic = 0
        self._loops = 0
        self._either()

    def _either(self) -> _Part:
        """Alternatives up to the closing bracket or the end."""
        whole = self._sequence()
        while self._kind() == "or":
            self._place += 1
            other = self._sequence()
            whole = _Part(whole.first + other.first, whole.last + other.last, whole.empty or other.empty)
        return whole

    def _sequence(self) -> _Part:
        whole = _Part()
        while self._kind() not in {"", "or", "close"}:
            whole = self._after(whole, self._repeated())
        return whole

    def _repeated(self) -> _Part:
        start, loops = self._place, self._loops
        part = self._one()
        if self._kind() != "repeat":
            return part
        text = self._tokens[self._place][1]
        least, most = _bounds(text)
        after = self._place + 1
        if text.endswith("+") and text != "+":
            self._place = after
            return _Part(part.first, part.last, part.empty or least == 0)  # Possessive: it gives nothing back.
        self.repeats_nothing |= part.empty and most is not None and most > _FEW
        if self._loops > loops and most is not None and most > _FEW:
            least, most = min(least, 1), None  # A power of so many is as good as exponential.
        copies = [part]
        wanted = max(least, 1) if most is None else max(most, 1)
        while len(copies) < min(wanted, _MOST_COPIES):
            self._place = start
            copies.append(self._one())
        self._place = after
        return self._chained(copies, least, endless=most is None)

    def _chained(self, copies: list[_Part], least: int, *, endless: bool) -> _Part:
        """Copies of a part, of which the first `least` must be there; with no end the last goes round."""
        if endless and not self._atomic:
            self._loops += 1
            for one in copies[-1].last:
                self.next[one].update(copies[-1].first)
        rest = _Part()
        for number in reversed(range(len(copies))):
            rest = self._after(copies[number], rest)
            rest.empty |= number >= least
        return rest

    def _one(self) -> _Part:
        kind, text = self._tokens[self._place]
        self._place += 1
        if kind in {"open", "atomic", "look"}:
            self._atomic += kind == "atomic"
            part = self._either()
            self._atomic -= kind == "atomic"
            self._place += 1
            return _Part() if kind == "look" else part
        if kind == "empty":
            return _Part()
        whole = _Part()
        literal = text[2:].removesuffix("\\E") if kind == "quoted" else text
        for atom in [text] if kind == "atom" else map(re.escape, literal):
            self.sets.append(_characters(atom, self._flags))
            state = [len(self.sets) - 1]
            whole = self._after(whole, _Part(state, state, empty=False))
        if len(self.sets) > MOST_STATES:
            raise _TooLargeError
        return whole

    def _after(self, one: _Part, other: _Part) -> _Part:
        for state in one.last:
            self.next[state].update(other.first)
        first = one.first + (other.first if one.empty else [])
        last = other.last + (one.last if other.empty else [])
        return _Part(first, last, one.empty and other.empty)

    def _kind(self) -> str:
        return self._tokens[self._place][0] if self._place < len(self._tokens) else ""


class _TooLargeError(Exception):
    pass


# A contract's patterns are checked again whenever it is read.
@lru_cache(maxsize=1024)
def backtracks(pattern: str) -> bool:
    """Whether Java may take exponentially long to find that a text does not match a pattern, or that is not found out.

    Args:
        pattern: a regular expression that Java takes.
    """
    try:
        automaton = _Automaton(pattern)
    except _TooLargeError:
        return True
    return automaton.repeats_nothing or any(_goes_round_twice(automaton, loop) for loop in _loops(automaton))


def _loops(automaton: _Automaton) -> list[set[int]]:
    """The sets of states that lead to each other."""
    reached = {state: _reached({state}, automaton.next.__getitem__) for state in range(len(automaton.sets))}
    loops, seen = [], set[int]()
    for state, others in reached.items():
        if state in others and state not in seen:
            loops.append({other for other in others if state in reached[other]})
            seen |= loops[-1]
    return loops


def _goes_round_twice(automaton: _Automaton, loop: set[int]) -> bool:
    """Whether two ways lead from a state of a loop, over the same characters, to one state of it again."""
    if any(ways > 1 for state in loop for other, ways in automaton.next[state].items() if other in loop):
        return True
    same = {(state, state) for state in loop}
    forward = _reached(same, lambda pair: _steps(automaton, pair, loop)) | same
    back: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for pair in forward:
        for other in _steps(automaton, pair, loop):
            back[other].append(pair)
    return any(one != other for one, other in _reached(same, back.__getitem__))


def _steps(automaton: _Automaton, pair: tuple[int, int], loop: set[int]) -> list[tuple[int, int]]:
    return [
        (one, other)
        for one in automaton.next[pair[0]]
        for other in automaton.next[pair[1]]
        if one in loop and other in loop and automaton.sets[one] & automaton.sets[other]
    ]


def _reached(starts: set[_State], steps: Callable[[_State], Iterable[_State]]) -> set[_State]:
    """Everything that some steps lead to."""
    found, waiting = set[_State](), list(starts)
    while waiting:
        for other in steps(waiting.pop()):
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found


def _bounds(text: str) -> tuple[int, int | None]:
    """How often a part must and may be there."""
    if text[0] in "*+?":
        return {"*": (0, None), "+": (1, None), "?": (0, 1)}[text[0]]
    least, comma, most = text.rstrip("?+").strip("{}").partition(",")
    return int(least), (int(most) if most else None) if comma else int(least)


def _characters(atom: str, flags: int) -> frozenset[str]:
    """Which characters of the sample an atom takes; all where Python does not know."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wanted = re.compile(atom, flags | re.DOTALL)
    except re.error:
        return frozenset(_SAMPLE)
    return frozenset(character for character in _SAMPLE if wanted.fullmatch(character))
