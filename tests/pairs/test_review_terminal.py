"""`jarvis review` as its owner runs it: keys in a real terminal, lines from a pipe, Ctrl-C, and homes with little in them."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from jarvis_assets.cli import app
from jarvis_assets.pairs.review import verdicts as reviews
from jarvis_resources import tables
from jarvis_resources.errors import JarvisError

NOON = pd.Timestamp("2024-05-01T12:00:00Z")


def write_home(home: Path, pairs: int = 30) -> None:
    """A mined home with one conversation: every odd message is mine and answers the one before; a third are gold."""
    rows = [
        {
            "guid": f"m{number}", "rowid": number, "conversation_id": "d1", "person_id": "ana" if number % 2 == 0 else None,
            "is_from_me": number % 2 == 1, "is_group": False, "sent_at": NOON + pd.Timedelta(minutes=number),
            "kind": "normal", "text": f"message {number}", "service": "iMessage", "thread_root_guid": None,
            "edited_at": pd.NaT, "edit_history": None, "tapback_kind": None, "tapback_target_guid": None,
            "attachment_count": 0,
        }
        for number in range(2 * pairs)
    ]  # fmt: skip
    messages = pd.DataFrame(rows, columns=list(tables.MESSAGES.columns))
    for column in ("sent_at", "edited_at"):
        messages[column] = pd.to_datetime(messages[column], utc=True).astype("datetime64[us, UTC]")
    paired = pd.DataFrame(
        [
            {
                "pair_id": f"{number:032x}", "source": "gold" if number % 3 == 0 else "semantic", "confidence": 0.9,
                "trigger_guid": f"m{2 * number}", "response_guid": f"m{2 * number + 1}",
                "trigger_guids": [f"m{2 * number}"], "response_guids": [f"m{2 * number + 1}"],
                "occurrence_guids": [f"m{2 * number + 1}"], "trigger_text": f"question {number}",
                "trigger_turn_text": f"question {number}", "response_text": f"answer {number}", "context": [],
                "context_text": f"Me: before {number}", "conversation_id": "d1", "person_id": "ana", "is_group": False,
                "trigger_at": NOON + pd.Timedelta(minutes=2 * number),
                "responded_at": NOON + pd.Timedelta(minutes=2 * number + 1), "reply_seconds": 60.0, "occurrences": 1,
                "coherence": 0.5,
            }
            for number in range(pairs)
        ],
        columns=list(tables.PAIRS.columns),
    )  # fmt: skip
    for column in ("trigger_at", "responded_at"):
        paired[column] = pd.to_datetime(paired[column], utc=True).astype("datetime64[us, UTC]")
    person = {
        "person_id": "ana", "handles": ["+15550100"], "services": ["iMessage"], "display_name": "Ana",
        "is_automated": False, "message_count": pairs, "first_at": NOON, "last_at": NOON,
    }  # fmt: skip
    assets = home / "assets"
    tables.MESSAGES.write(tables.MESSAGES.conform(messages), assets / "messages.parquet")
    tables.PAIRS.write(tables.PAIRS.conform(paired), assets / "pairs.parquet")
    tables.PEOPLE.write(tables.PEOPLE.conform(pd.DataFrame([person])), assets / "people.parquet")


@pytest.fixture
def mined_home(home: Path) -> Path:
    write_home(home)
    return home


COMMAND = [sys.executable, "-m", "jarvis_assets.cli", "review"]


@dataclass(frozen=True)
class Done:
    """What a command did: its exit code, what it printed, and the one sentence on stderr when it failed."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def review(home: Path) -> Callable[..., Done]:
    """The command with lines on its standard input, in this process."""

    def run(*arguments: str, lines: str = "") -> Done:
        done = CliRunner().invoke(app, ["review", *arguments], input=lines)
        if isinstance(done.exception, JarvisError):
            return Done(done.exception.exit_code, done.stdout, f"{done.stderr}jarvis: {done.exception}")
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return Done(done.exit_code, done.stdout, done.stderr)

    return run


class Typed:
    """The command in a real terminal: a person sees what it prints and presses keys."""

    def __init__(self, *arguments: str) -> None:
        leader, follower = pty.openpty()
        self._leader, self.seen = leader, ""
        self._process = subprocess.Popen(
            [*COMMAND, *arguments], stdin=follower, stdout=follower, stderr=follower, start_new_session=True,
            preexec_fn=_take_terminal,
        )  # fmt: skip
        os.close(follower)

    def until(self, text: str, seconds: float = 30) -> None:
        """Read until ``text`` appears behind what was read before."""
        begin, deadline = len(self.seen), time.monotonic() + seconds
        while text not in self.seen[begin:]:
            assert time.monotonic() < deadline, self.seen
            ready, _, _ = select.select([self._leader], [], [], 0.1)
            if ready:
                try:
                    self.seen += os.read(self._leader, 4096).decode(errors="replace")
                except OSError:
                    raise AssertionError(f"it ended before {text!r}: {self.seen}") from None

    def press(self, keys: str) -> None:
        os.write(self._leader, keys.encode())

    def ends(self) -> int:
        """The exit code, once everything printed is read."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            ready, _, _ = select.select([self._leader], [], [], 0.1)
            try:
                self.seen += os.read(self._leader, 4096).decode(errors="replace") if ready else ""
            except OSError:
                break
            if not ready and self._process.poll() is not None:
                break
        os.close(self._leader)
        return self._process.wait(30)


def _take_terminal() -> None:
    """Make the follower the controlling terminal, so that Ctrl-C reaches the command as a signal."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


ASKED = "q stop"


def test_one_key_each_in_a_terminal(mined_home):
    terminal = Typed("--count", "5")
    terminal.until(ASKED)
    assert "Them (Ana): question" in terminal.seen
    terminal.press("g")
    terminal.until(ASKED)
    terminal.press("\x1b[Axb")  # an arrow key and an unknown one are passed over
    terminal.until("why?")
    terminal.press("3")
    terminal.until(ASKED)
    terminal.press("a")
    terminal.until("why?")
    terminal.press("t")
    terminal.until("in your words")
    terminal.press("we had been on the phone\r")
    terminal.until(ASKED)
    terminal.press("b")
    terminal.until("why?")
    terminal.press("\r")
    terminal.until(ASKED)
    terminal.press("q")
    assert terminal.ends() == 0
    found = reviews.read(mined_home)
    assert found["verdict"].tolist() == ["GOOD", "BAD", "AMBIGUOUS", "BAD"]
    assert found["reason"].fillna("").tolist() == ["", "sarcasm", "", ""]
    assert found["note"].fillna("").tolist() == ["", "", "we had been on the phone", ""]
    assert "4 decided" not in terminal.seen
    assert "3 decided verdicts and 1 AMBIGUOUS" in terminal.seen


def test_keys_pressed_ahead_are_not_lost(mined_home):
    terminal = Typed("--count", "4")
    terminal.until(ASKED)
    terminal.press("gb2a\rgg")
    assert terminal.ends() == 0
    assert reviews.read(mined_home)["verdict"].tolist() == ["GOOD", "BAD", "AMBIGUOUS", "GOOD", "GOOD"]


def test_undo_takes_the_last_verdict_back(mined_home):
    terminal = Typed("--count", "5")
    terminal.until(ASKED)
    terminal.press("gb1uguubq")
    terminal.press("q")
    assert terminal.ends() == 0
    assert reviews.read(mined_home)[["verdict", "reason"]].empty


def test_ctrl_c_in_a_terminal_keeps_what_was_given_and_says_so(mined_home):
    terminal = Typed("--count", "5")
    terminal.until(ASKED)
    terminal.press("g")
    terminal.until(ASKED)
    terminal.press("\x03")
    assert terminal.ends() == 130
    assert "Stopped; 1 verdict of this review" in " ".join(terminal.seen.split())
    assert "Traceback" not in terminal.seen
    assert len(reviews.read(mined_home)) == 1


def test_ctrl_c_while_a_note_is_written_loses_only_the_note(mined_home):
    terminal = Typed("--count", "5")
    terminal.until(ASKED)
    terminal.press("g")
    terminal.until(ASKED)
    terminal.press("b")
    terminal.until("why?")
    terminal.press("t")
    terminal.until("in your words")
    terminal.press("half a no\x03")
    assert terminal.ends() == 130
    assert reviews.read(mined_home)["verdict"].tolist() == ["GOOD"]


def test_a_kill_loses_nothing_that_was_given(mined_home):
    with subprocess.Popen([*COMMAND], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        running.stdin.write("g\nb\n")
        running.stdin.flush()
        while "3 of" not in running.stdout.readline():
            pass
        running.send_signal(signal.SIGKILL)
    assert reviews.read(mined_home)["verdict"].tolist() == ["GOOD", "BAD"]


def test_a_script_answers_line_by_line(mined_home, review):
    done = review("--count", "5", "--json", lines="g\nb 2\na 4 a picture was meant\ns\nb no idea\ng\n")
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert printed["verdicts"] == 5
    assert printed["reasons"] == {"nothing": 1, "context_missing": 1}
    found = reviews.read(mined_home)
    assert found["verdict"].tolist() == ["GOOD", "BAD", "AMBIGUOUS", "BAD", "GOOD"]
    assert found["note"].fillna("").tolist() == ["", "", "a picture was meant", "no idea", ""]
    assert "question" not in done.stdout, "with --json only the summary goes there"


def test_a_fifth_comes_twice_and_gives_the_agreement_with_oneself(mined_home, review):
    done = review("--count", "10", "--json", lines="g\n" * 12)
    printed = json.loads(done.stdout)
    assert printed["verdicts"] == 12
    assert printed["quality"]["all pairs"]["good"] == 10
    assert printed["within"] == {"pairs": 2, "equal": 1.0, "kappa": None}


def test_the_day_one_review_shows_gold_pairs_alone(mined_home, review):
    done = review("--gold", "100", "--json", lines="g\n" * 12)
    assert "1 of 12 " in done.stderr, "the ten there are, two of them twice"
    printed = json.loads(done.stdout)
    assert [part for part in printed["quality"] if part.startswith("semantic")] == []
    assert printed["quality"]["gold"]["good"] == 10


def test_source_and_confidence_are_not_shown(mined_home, review):
    shown = review("--count", "5", lines="q\n").stdout.split("\n\n")[0]
    assert "gold" not in shown
    assert "0.9" not in shown


def test_a_second_opinion_is_on_a_fifth_of_the_owners_and_gives_kappa(mined_home, review):
    review("--count", "20", lines="g\nb\n" * 12)
    done = review("--reviewer", "Zoë 'the judge'", "--json", lines="g\nb\nb\ng\nb\n")
    assert done.returncode == 0, done.stderr
    assert "1 of 5 " in done.stderr, "four of twenty, one of them twice"
    assert json.loads(done.stdout)["between"]["zoë 'the judge'"]["pairs"] == 4


def test_a_second_opinion_needs_a_first(mined_home, review):
    done = review("--reviewer", "ana", lines="g\n")
    assert done.returncode == 2
    assert "nothing left for a second opinion" in done.stderr


def test_a_name_with_control_characters_is_refused(mined_home, review):
    done = review("--reviewer", "a\x1b[2Jb", lines="g\n")
    assert done.returncode == 2
    assert "\x1b" not in done.stderr


def test_a_review_goes_on_with_other_pairs(mined_home, review):
    for _ in range(3):
        review("--count", "10", lines="g\n" * 12)
    assert reviews.read(mined_home)["pair_id"].nunique() == 30
    assert review("--count", "10", lines="g\n").returncode == 0, "when all are reviewed they come again"


@pytest.mark.parametrize("stdin", ["</dev/null", "<&-"])
def test_without_anybody_to_ask_it_says_how(mined_home, stdin):
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {stdin}', "sh", *COMMAND], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "nobody to ask" in done.stderr


def test_a_line_that_is_no_answer_stops_and_keeps_what_came_before(mined_home, review):
    done = review(lines="g\nyes\n")
    assert done.returncode == 2
    assert "Line 2 is no answer" in done.stderr
    assert len(reviews.read(mined_home)) == 1


def test_a_stray_byte_in_a_note_is_kept_as_a_question_mark(mined_home):
    done = subprocess.run(COMMAND, input=b"b 2 caf\xe9\n", capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert reviews.read(mined_home)["note"].tolist() == ["caf\ufffd"]


def test_count_and_gold_together_are_refused(mined_home, review):
    assert review("--count", "5", "--gold", "5", lines="g\n").returncode == 2


def test_a_home_that_was_never_mined_says_so(home, review):
    for arguments in ([], ["--summary"]):
        done = review(*arguments, lines="g\n")
        assert done.returncode == 2
        assert "run `jarvis mine` first" in done.stderr


def test_a_home_without_a_pair_says_so(home, review):
    write_home(home, 0)
    done = review(lines="g\n")
    assert (done.returncode, "found no pair" in done.stderr) == (2, True)
    assert "found no gold pair" in review("--gold", "100", lines="g\n").stderr
    assert review("--summary").stdout.strip() == "not reviewed"


def test_a_damaged_file_is_named_and_nothing_is_asked(mined_home, review):
    review("--count", "5", lines="g\ng\n")
    file = mined_home / reviews.FILE
    file.write_text("broken\n" + file.read_text())
    done = review(lines="g\n")
    assert done.returncode == 2
    assert "Line 1 of" in done.stderr
    assert "question" not in done.stdout


def test_what_others_wrote_cannot_drive_the_terminal(home, review):
    write_home(home, 5)
    file = home / "assets" / "pairs.parquet"
    pairs = tables.PAIRS.read(file)
    tables.PAIRS.write(pairs.assign(trigger_text="\x1b]0;owned\x07[bold]ha\u202eha[/bold]"), file)
    shown = review(lines="q\n").stdout
    assert "[bold]ha" in shown, "as it was written"
    assert not any(sign in shown for sign in "\x1b\x07\u202e")


def test_the_summary_asks_nothing(mined_home, review):
    review("--count", "5", lines="g\n" * 6)
    done = review("--summary")
    assert done.returncode == 0
    assert done.stdout.startswith("\n100% of the pairs are GOOD")
