"""Finds regular expressions that Spark would refuse, or take hours for; without a JVM."""

from __future__ import annotations

import re
import warnings

from lake_model.contracts.backtracking import backtracks

SLOW = (
    "can take hours over a text that nearly matches: where a part repeats that holds a repetition or alternatives, let "
    "each round begin with a character of its own, or let it give nothing back: (?>…)"
)
# What Java writes in another way than Python, or Python does not know: it is replaced by something as good.
_JAVA = re.compile(
    r"""(?P<literal>\\Q.*?(?:\\E|\Z)|\\[pP](?:\{[^}]*\}|\w)|\\x\{[0-9A-Fa-f]+\}|\\N\{[^}]*\}|\\k<\w+>
                   |\\c.|\\0[0-7]{1,3}|\\[hHVRXGzZeE])
      |(?P<escape>\\.)|(?P<group>\(\?<(?=[A-Za-z]))|\(\?(?P<flags>[imsuxdU-]+)(?P<end>[:)])""",
    re.VERBOSE | re.DOTALL,
)
_CLASS = re.compile(r"\[\^?\]?[^\]]*\]")
_NO_REPETITION = re.compile(r"\{(?!\d+(?:,\d*)?\})")


def pattern_fault(pattern: object) -> str | None:
    """Why the text is no regular expression that Spark takes; None where nothing is wrong with it."""
    if not isinstance(pattern, str):
        return "a text is wanted"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Of sets in sets, which Java has.
            re.compile(_JAVA.sub(_as_python, pattern))
    except re.error as error:
        # Java's look-behind may have any bounded width.
        if not error.msg.startswith("look-behind"):
            return f"is no regular expression: {error.msg}"
    except RecursionError:
        return "is nested too deeply: write it more simply"
    bare = _CLASS.sub("a", _JAVA.sub("a", pattern))
    if _NO_REPETITION.search(bare):
        return r"is no regular expression: { must be followed by a number of repetitions, or be written \{"
    if found := re.search(r"\(\?[P#]", bare):
        return f"is no regular expression: {found[0]} is Python's alone; a named group is (?<name>…)"
    return SLOW if backtracks(pattern) else None


def _as_python(found: re.Match[str]) -> str:
    if found["literal"]:
        return "a"
    if found["escape"]:
        return found["escape"]
    if found["group"]:
        return "(?P<"
    return "(?:" if found["end"] == ":" else ""
