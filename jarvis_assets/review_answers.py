"""A reviewer's answers: single keys from a terminal, or lines from a pipe.

Here belongs what a key means and how it is read. What is asked, and what becomes of an answer, is in ``review_terminal``.
"""

import os
import re
import select
import signal
import sys
import termios
import tty
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from rich.console import Console
from rich.text import Text

from jarvis_resources import tables
from jarvis_resources.errors import SettingsError

VERDICTS = {"g": "GOOD", "b": "BAD", "a": "AMBIGUOUS"}
REASONS = dict(
    zip(
        "123456",
        zip(
            tables.REVIEW_REASONS,
            (
                "it answers another message",
                "it answers nothing",
                "sarcasm or irony turns it round",
                "the context is missing: a call, a picture, earlier talk",
                "it answers several messages at once",
                "it fits this one person alone",
            ),
            strict=True,
        ),
        strict=True,
    )
)
"""By key: the reason as stored, and as asked."""
KEYS = "g good · b bad · a ambiguous · s skip · u undo · q stop"
_ESCAPED = re.compile(r"\x1b(?:\[[0-9;?]*[@-~]|O.|.)?")
"""An arrow or a function key: Escape and letters, which must not be taken for answers."""


@dataclass(frozen=True)
class Answer:
    """A key of ``KEYS``, and for a verdict its reason and note."""

    key: str
    reason: str | None = None
    note: str | None = None


class Answers(Protocol):
    """Where answers come from."""

    def next(self) -> Answer:
        """The next answer; ``q`` when there is none left."""


class Keyboard:
    """One key each; after BAD and AMBIGUOUS one more for the reason.

    Each wait watches the pipe that Python writes arriving signals to, beside the terminal: a Ctrl-C in the instant before
    a plain read begins would go unheard until the next key.
    """

    def __init__(self, screen: Console) -> None:
        self._screen = screen
        self._typed = ""
        self._lines = termios.tcgetattr(sys.stdin)
        self._signalled, self._signals = os.pipe()
        os.set_blocking(self._signalled, False)
        os.set_blocking(self._signals, False)

    def __enter__(self) -> Self:
        self._woken_before = signal.set_wakeup_fd(self._signals, warn_on_full_buffer=False)
        self._take_keys()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._take_lines()
        signal.set_wakeup_fd(self._woken_before)
        os.close(self._signals)
        os.close(self._signalled)

    def next(self) -> Answer:
        """Waits for a key that means something; the end of input means stop."""
        key = self._key((*VERDICTS, *"suq"), KEYS)
        if key not in ("b", "a"):
            return Answer(key)
        for number, (_, meaning) in REASONS.items():
            self._screen.print(f"    {number} {meaning}")
        why = self._key((*REASONS, "t", "\n", " ", "q"), "why? 1-6 · t own words · Enter no reason · q stop")
        if why == "q":
            return Answer("q")
        note = self._words() if why == "t" else None
        return Answer(key, REASONS[why][0] if why in REASONS else None, note)

    def _key(self, known: Sequence[str], hint: str) -> str:
        self._screen.print(Text(f"  {hint}", "dim"), end=" ")
        self._take_keys()  # again: after Ctrl-Z and fg the shell has set the terminal its own way
        while (key := self._pressed()) not in known:
            pass
        self._screen.print(Text(key.strip(), "bold"))
        return key

    def _pressed(self) -> str:
        """The next key, lower case; keys pressed meanwhile are kept for the next questions."""
        while not self._typed:
            self._wait()
            read = os.read(sys.stdin.fileno(), 256)
            if not read or b"\x04" in read:
                return "q"
            self._typed = _ESCAPED.sub("", read.decode(errors="replace")).replace("\r", "\n")
        key, self._typed = self._typed[0], self._typed[1:]
        return key.lower()

    def _words(self) -> str:
        """A line in the reviewer's words, begun perhaps before it was asked for."""
        self._screen.print("  in your words:", end=" ")
        begun, self._typed = self._typed, ""
        self._take_lines()
        if begun.endswith("\n"):
            return begun
        self._wait()
        return begun + sys.stdin.readline()

    def _wait(self) -> None:
        """Returns when there is something to read; a signal that came meanwhile is dealt with first."""
        while sys.stdin.fileno() not in (ready := select.select([sys.stdin.fileno(), self._signalled], [], [])[0]):
            os.read(ready[0], 256)

    def _take_keys(self) -> None:
        """The terminal hands over each key at once and unseen; Ctrl-C stays what it is."""
        tty.setcbreak(sys.stdin, termios.TCSADRAIN)

    def _take_lines(self) -> None:
        """The terminal is as it was, with its own line editing."""
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._lines)


class Lines:
    """One answer a line: the key, then if wanted the reason's number, then a note. For scripts."""

    def __init__(self) -> None:
        self._number = 0

    def next(self) -> Answer:
        """Reads a line; raises ``SettingsError`` for one that is no answer, and where no first line comes."""
        line = "" if sys.stdin is None else sys.stdin.readline()
        self._number += 1
        if not line:
            if self._number == 1:
                raise SettingsError(
                    "There is nobody to ask; run `jarvis review` in a terminal, or pipe it one answer a line "
                    "(g, b, a, s, u or q; after b and a a reason's number and a note if you like)."
                )
            return Answer("q")
        key, _, rest = line.strip().partition(" ")
        why, _, note = rest.strip().partition(" ")
        key = key.lower()
        if key not in (*VERDICTS, *"suq"):
            raise SettingsError(
                f"Line {self._number} is no answer: it begins with g, b, a, s, u or q; what came before it is kept."
            )
        if why not in REASONS:
            return Answer(key, None, rest.strip() or None)
        return Answer(key, REASONS[why][0], note or None)
