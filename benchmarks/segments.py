"""`python -m benchmarks.segments`: how well topic boundaries are found, by Pk and WindowDiff, beside four baselines.

- dialseg711: task dialogues glued end to end (all of it is test data); no times, no speakers: words alone.
- TIAGE, test split: small talk whose topic shifts people have marked; no times: words alone.
- our own sample, of a seed that nothing was learned from: sittings of at least eight turns (a night ends a sitting, so
  that the easy boundaries are left out), with the pauses and without.
- ``--mined HOME --truth FILE``: the direct chats of a mined database whose links are known. Its times are made up.

Baselines: no boundary; one every 2k turns (the true mean length, which is given away); TextTiling (Hearst 1997: depth of
the dip between the means of two blocks of three turns, which looks ahead; cut above mean − half a standard deviation);
a pause alone (15 minutes). Figures are means over conversations with their 95 % interval (1,000 bootstrap resamples).
Lower is better. Encoder: the pairing encoder.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jarvis_assets.pairs import segments
from jarvis_assets.pairs.segment_measures import pk, window, window_diff
from jarvis_assets.pairs.turns import build_turns
from jarvis_resources.encoders import load_encoder
from jarvis_resources.imessage.messages import read_history
from jarvis_resources.imessage.sample import write_sample
from jarvis_resources.settings import load_settings
from jarvis_resources.tables import MESSAGES, TURNS

SAMPLE_SEED = 7
"""A seed that scripts.train_segments does not use."""
FEWEST_TURNS = 8
"""Shorter sittings have no room for a boundary to be misplaced."""
PAUSE_ALONE = 900.0
BLOCK_TURNS = 3


@dataclass
class Conversations:
    """Turns of many conversations, one after the other, with the true boundaries."""

    name: str
    turns: pd.DataFrame
    """text, unit (what is scored by itself); with times: what ``segments.segment`` asks for."""
    vectors: NDArray[np.float16]
    opens: NDArray[np.bool_]
    timed: bool


def encoded(texts: pd.Series[str]) -> NDArray[np.float16]:
    """Vectors of the pairing encoder, each distinct text encoded once."""
    settings = load_settings()
    number, distinct = pd.factorize(texts)
    vectors = load_encoder(settings.pairing_encoder, settings=settings).encode(list(distinct)).astype(np.float16)
    return np.asarray(vectors[number])


def public(file: Path, name: str) -> Conversations:
    """dialseg711 or TIAGE."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        rows = pd.DataFrame([json.loads(line) for line in lines])
    rows = rows[rows["split"] == "test"].reset_index(drop=True)
    shift = "seg_start" if "seg_start" in rows else "topic_shift"
    rows = rows.rename(columns={"conv_id": "unit"}).assign(conversation_id=rows["conv_id"])
    return Conversations(name, rows, encoded(rows["text"]), (rows[shift] == 1).to_numpy() | (rows["idx"] == 0), False)


def opens_of(turns: pd.DataFrame, reply_to: dict[str, str | None]) -> NDArray[np.bool_]:
    """Which turns open a topic: those that lead back, by their first message's links, to no earlier turn."""
    turn_of = {guid: row for row, guids in enumerate(turns["message_guids"]) for guid in guids}
    return np.array([turn_of.get(reply_to.get(guid) or "", -1) < 0 for guid in turns["turn_id"]])


def sample_turns(messages: int, seed: int) -> tuple[pd.DataFrame, NDArray[np.float16], NDArray[np.bool_]]:
    """Turns of a synthetic sample, their vectors, and which of them open a topic."""
    with tempfile.TemporaryDirectory() as folder:
        report = write_sample(Path(folder) / "chat.db", messages=messages, seed=seed)
        turns = build_turns(MESSAGES.to_pandas(read_history(report.path).messages))
        links = truth(report.truth_path)
    return turns, encoded(turns["text"]), opens_of(turns, links)


def truth(file: Path) -> dict[str, str | None]:
    """What each message answers, by guid."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return {row["guid"]: row["reply_to"] for row in map(json.loads, lines)}


def sittings(turns: pd.DataFrame) -> pd.Series[int]:
    """A number for each run of turns without a night between."""
    begins = (turns["conversation_id"] != turns["conversation_id"].shift(1)) | (
        segments.pauses(turns) >= segments.CERTAIN_SECONDS
    )
    return begins.cumsum()


def data(arguments: argparse.Namespace) -> Iterator[Conversations]:
    """Whatever is at hand."""
    corpora = arguments.corpora or load_settings().corpora
    for name, path in (
        ("dialseg711", "dialseg711/dialseg711.jsonl.gz"),
        ("TIAGE test", "persona_chat/tiage_topic_shift.jsonl.gz"),
    ):
        if corpora and (corpora / path).is_file():
            yield public(corpora / path, name)
    turns, vectors, opens = sample_turns(arguments.messages, SAMPLE_SEED)
    yield Conversations("sample", turns.assign(unit=sittings(turns)), vectors, opens, True)
    if arguments.mined and arguments.truth:
        turns = TURNS.read(arguments.mined / "assets" / "turns.parquet")
        vectors = np.load(arguments.mined / "assets" / "turn_vectors.npy")
        opens = opens_of(turns, truth(arguments.truth))
        direct = ~turns["is_group"].to_numpy()
        turns = turns[direct].reset_index(drop=True)
        units = turns["conversation_id"]
        yield Conversations("chatdb direct", turns.assign(unit=units), vectors[direct], opens[direct], True)


def cut(rows: Conversations, *, pauses: bool) -> NDArray[np.bool_]:
    """Where ``segments`` cuts."""
    found = segments.segment(rows.turns, rows.vectors, pauses_known=pauses)
    return np.diff(found, prepend=-1) != 0


def text_tiling(vectors: NDArray[np.float16]) -> NDArray[np.bool_]:
    """Where one conversation is cut by the depth of the dips in similarity, as Hearst (1997) does it."""
    n, v = len(vectors), vectors.astype(np.float64)
    alike = np.array(
        [
            left @ right / (np.linalg.norm(left) * np.linalg.norm(right))
            for at in range(1, n)
            for left, right in [(v[max(at - BLOCK_TURNS, 0) : at].mean(0), v[at : at + BLOCK_TURNS].mean(0))]
        ]
    )
    opens = np.zeros(n, dtype=bool)
    if n < 3:
        return opens
    depth = np.zeros(n - 1)
    for at in range(n - 1):
        left = right = at
        while left > 0 and alike[left - 1] >= alike[left]:
            left -= 1
        while right < n - 2 and alike[right + 1] >= alike[right]:
            right += 1
        depth[at] = alike[left] + alike[right] - 2 * alike[at]
    dip = np.r_[True, alike[1:] <= alike[:-1]] & np.r_[alike[:-1] <= alike[1:], True]
    opens[1:] = dip & (depth > depth.mean() - depth.std() / 2)
    return opens


def score(rows: Conversations) -> dict[str, dict[str, list[float]]]:
    """Every system's Pk and WindowDiff: [mean, low, high]."""
    n = len(rows.turns)
    whole = {"JARVIS, words alone": cut(rows, pauses=False)}
    if rows.timed:
        whole["JARVIS"] = cut(rows, pauses=True)
        whole["a pause of 15 minutes"] = segments.pauses(rows.turns) > PAUSE_ALONE
    units = pd.Series(np.arange(n)).groupby(rows.turns["unit"].to_numpy()).indices.values()
    scored: dict[str, list[tuple[float, float]]] = {}
    for unit in units:
        if len(unit) < FEWEST_TURNS:
            continue
        true = rows.opens[unit]
        k = window(true)
        if k >= len(unit):
            continue
        systems = {
            "no boundary": np.zeros(len(unit), dtype=bool),
            "one every 2k turns": np.arange(len(unit)) % (2 * k) == 0,
            "TextTiling": text_tiling(rows.vectors[unit]),
            **{name: found[unit] for name, found in whole.items()},
        }
        for name, found in systems.items():
            scored.setdefault(name, []).append((pk(true, found), window_diff(true, found)))
    draw = np.random.default_rng(0)
    count = len(scored["no boundary"])
    samples = draw.integers(0, count, (1_000, count))
    figures: dict[str, dict[str, list[float]]] = {}
    for name, values in scored.items():
        table = np.array(values)
        means = table[samples].mean(axis=1)
        low, high = np.percentile(means, [2.5, 97.5], axis=0)
        figures[name] = {
            measure: [float(table[:, at].mean()), float(low[at]), float(high[at])]
            for at, measure in enumerate(("pk", "window_diff"))
        }
    return figures


def main() -> None:
    """Measure, print, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpora", type=Path, help="folder of public corpora; default: JARVIS_CORPORA")
    parser.add_argument("--messages", type=int, default=20_000, help="size of the sample")
    parser.add_argument("--mined", type=Path, help="a home that was mined from a database with a truth")
    parser.add_argument("--truth", type=Path, help="that truth")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {}
    for rows in data(arguments):
        figures[rows.name] = score(rows)
        sys.stdout.write(f"\n{rows.name:28s} {'Pk':24s} WindowDiff\n")
        for name, measured in figures[rows.name].items():
            cells = [f"{mean:.3f} [{low:.3f}, {high:.3f}]" for mean, low, high in measured.values()]
            sys.stdout.write(f"{name:28s} {cells[0]:24s} {cells[1]}\n")
        sys.stdout.flush()
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
