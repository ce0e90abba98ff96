"""`python -m benchmarks.links`: the reply-link model on public chat with annotated links, beside what anybody would try.

Every line is a turn of its own, as the annotation has it. The model learns from the train split; what is printed is the
test split, once with the ``nick:`` prefixes stripped (personal texts have none) and once with them. Measures as in the
disentanglement paper (Kummerfeld et al., ACL 2019): precision, recall and F1 of links, a line that starts a talk being
linked to itself and system lines to themselves; "other" leaves out links of a person to their own lines. Intervals are
1,000 bootstrap resamples over the logs. Vectors are of the stripped texts in both runs.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from jarvis_assets.pairs.links import public_links, ranker
from jarvis_assets.pairs.links.inputs import LinkInputs
from jarvis_assets.pairs.links.ranker import Known
from jarvis_assets.pairs.turns import build_turns
from jarvis_assets.vectors.embedding import embed_texts
from jarvis_resources import corpora
from jarvis_resources.errors import CorpusError
from jarvis_resources.settings import load_settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jarvis_resources.settings import Settings

RESAMPLES = 1_000
SHARES = (0.10, 0.25, 0.50, 1.0)
SYSTEM = "system"


@dataclass(frozen=True)
class Split:
    """The annotated lines of one split, and what is counted of each: arrays of length n."""

    rows: NDArray[np.int64]
    """Rows of the turns table."""
    log: NDArray[np.int64]
    answers: list[set[int]]
    """Rows that each line answers."""
    answers_other: list[set[int]]
    starts: NDArray[np.bool_]
    missing: NDArray[np.int64]


def tally(split: Split, back: NDArray[np.int64], speaker: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """Per line: links predicted, true and right, all and other; ``back`` is how many lines back it is linked (0: itself)."""
    predicted = split.rows - back
    itself = back == 0
    right = np.array([p in a for p, a in zip(predicted.tolist(), split.answers, strict=True)]) & ~itself
    right |= itself & split.starts
    other = ~itself & (speaker[predicted] != speaker[split.rows])
    right_other = other & np.array([p in a for p, a in zip(predicted.tolist(), split.answers_other, strict=True)])
    truth = np.array([len(a) for a in split.answers]) + split.missing + split.starts
    truth_other = np.array([len(a) for a in split.answers_other])
    return {
        "predicted": np.ones(len(back), dtype=np.int64),
        "truth": truth,
        "right": right.astype(np.int64),
        "predicted_other": other.astype(np.int64),
        "truth_other": truth_other,
        "right_other": right_other.astype(np.int64),
    }


def f1(predicted: float, truth: float, right: float) -> float:
    """Harmonic mean of precision and recall, in percent."""
    return 200.0 * right / (predicted + truth) if predicted + truth else 0.0


def figures(counts: dict[str, NDArray[np.int64]], system: tuple[int, int], log: NDArray[np.int64]) -> dict[str, Any]:
    """Precision, recall and F1, all and other, with 95 % intervals; ``system``: links of system lines, (true, right)."""
    lines, truth, right = (int(counts[name].sum()) for name in ("predicted", "truth", "right"))
    one, other, hit = (int(counts[name].sum()) for name in ("predicted_other", "truth_other", "right_other"))
    draw = np.random.default_rng(0)
    by_log = {name: np.bincount(log, weights=values) for name, values in counts.items()}
    samples = []
    for _ in range(RESAMPLES):
        chosen = draw.integers(0, len(by_log["truth"]), len(by_log["truth"]))
        part = {name: values[chosen].sum() for name, values in by_log.items()}
        samples.append(
            (
                f1(part["predicted"] + system[0], part["truth"] + system[0], part["right"] + system[1]),
                f1(part["predicted_other"], part["truth_other"], part["right_other"]),
            )
        )
    low, high = np.percentile(samples, [2.5, 97.5], axis=0)
    return {
        "all": {
            "precision": 100 * (right + system[1]) / (lines + system[0]),
            "recall": 100 * (right + system[1]) / (truth + system[0]),
            "f1": f1(lines + system[0], truth + system[0], right + system[1]),
            "f1_interval": [low[0], high[0]],
        },
        "other": {
            "precision": 100 * hit / one if one else 0.0,
            "recall": 100 * hit / other,
            "f1": f1(one, other, hit),
            "f1_interval": [low[1], high[1]],
        },
    }


def precision_at_coverage(counts: dict[str, NDArray[np.int64]], confidence: NDArray[np.float64]) -> list[float]:
    """Precision (%) among the most confident ``SHARES`` of the links to others."""
    linked = np.flatnonzero(counts["predicted_other"])
    order = linked[np.argsort(-confidence[linked], kind="stable")]
    hits = counts["right_other"][order]
    return [100 * float(hits[: max(1, int(len(hits) * share))].mean()) for share in SHARES]


def measure(settings: Settings, *, prefixes: bool) -> dict[str, Any]:
    """Learn on train, measure on test."""
    lines = corpora.irc_ubuntu(settings.corpora, prefixes=prefixes)
    stripped = lines if not prefixes else corpora.irc_ubuntu(settings.corpora)
    if lines is None or stripped is None:
        raise CorpusError("There is no irc_ubuntu among the public corpora; set JARVIS_CORPORA to their folder.")
    messages = public_links.messages_of(lines)
    # Threads of their own keep lines from being joined: a line is what the annotation links.
    turns = build_turns(messages.assign(thread_root_guid=messages["guid"])).assign(thread_root_guid=None)
    links = public_links.links_among(turns, lines)
    said = public_links.messages_of(stripped).set_index("guid")["text"]
    vectors = embed_texts(said.reindex(turns["turn_id"]).tolist(), settings.pairing_encoder, settings).vectors
    people = public_links.people_of(lines)
    inputs = LinkInputs.of(turns, vectors, np.zeros(len(turns), dtype=np.int64), people)
    split = lines.groupby("log")["split"].first().reindex(turns["conversation_id"]).to_numpy()
    response = links["response"].to_numpy()
    started = time.perf_counter()
    learned = ranker.fit([Known(inputs, links[split[response] == "train"])], progress=_say)
    seconds = time.perf_counter() - started
    known = _split(turns, lines, links, "test", split)
    speaker = inputs.arrays.sender
    guesses = learned.guesses(inputs, known.rows)
    shares = np.concatenate([part for _, _, part in learned.shares(inputs, known.rows, guesses)])
    first = guesses.share[known.rows]
    nobody_before = np.append(True, inputs.arrays.conversation[1:] != inputs.arrays.conversation[:-1])
    previous = np.where(nobody_before[known.rows], 0, 1)
    by_another = _previous_by_another(inputs, known.rows)
    system = corpora.irc_ubuntu_system_links(settings.corpora, "test")
    out: dict[str, Any] = {"prefixes": prefixes, "lines": len(known.rows), "learning_seconds": round(seconds, 1)}
    for name, back in (
        ("previous line", previous),
        ("previous line by another", by_another),
        ("first forest", first.argmax(axis=1)),
        ("reply-link model", shares.argmax(axis=1)),
    ):
        out[name] = figures(tally(known, back, speaker), system, known.log)
    out["precision at 10 / 25 / 50 / 100 %"] = precision_at_coverage(
        tally(known, shares.argmax(axis=1), speaker), shares.max(axis=1).astype(np.float64)
    )
    return out


def _previous_by_another(inputs: LinkInputs, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many lines back somebody else spoke last; 0: nobody in reach."""
    from jarvis_assets.pairs.links.evidence import Scene
    from jarvis_assets.pairs.links.windows import Windows

    scene = Scene.of(replace(inputs, vectors=inputs.vectors[:, :1]), Windows.of(inputs.arrays, rows))
    return np.asarray(np.where(scene.others.any(axis=1), scene.others.argmax(axis=1), 0))


def _split(turns: pd.DataFrame, lines: pd.DataFrame, links: pd.DataFrame, name: str, split: NDArray[Any]) -> Split:
    told = lines.set_index(public_links.guids_of(lines))
    rows = np.unique(links["response"].to_numpy())
    rows = rows[split[rows] == name]
    answered = links[links["trigger"] >= 0].groupby("response")["trigger"].agg(set)
    answers: list[set[int]] = [answered.get(row, set()) for row in rows.tolist()]
    person = turns["person_id"].to_numpy(dtype=str)
    there = told.reindex(turns["turn_id"].iloc[rows])
    return Split(
        rows=rows,
        log=pd.factorize(turns["conversation_id"].iloc[rows])[0],
        answers=answers,
        answers_other=[
            {one for one in many if person[one] != person[row]} for row, many in zip(rows, answers, strict=True)
        ],
        starts=there["starts"].to_numpy(dtype=bool),
        missing=there["missing"].to_numpy(dtype=np.int64),
    )


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main() -> None:
    """Measure both, print, and write JSON where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.links")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--only", choices=("stripped", "prefixes"), help="one of the two runs")
    asked = parser.parse_args()
    settings = load_settings().prepare()
    results = []
    for prefixes in (False, True):
        if asked.only and (asked.only == "prefixes") != prefixes:
            continue
        found = measure(settings, prefixes=prefixes)
        results.append(found)
        print(f"\nprefixes {'kept' if prefixes else 'stripped'}: {found['lines']} lines of the test split")
        for name, part in found.items():
            if not isinstance(part, dict):
                continue
            cells = [
                f"{kind} P {part[kind]['precision']:.1f} R {part[kind]['recall']:.1f} "
                f"F1 {part[kind]['f1']:.1f} [{part[kind]['f1_interval'][0]:.1f}, {part[kind]['f1_interval'][1]:.1f}]"
                for kind in ("all", "other")
            ]
            print(f"  {name:26} {'   '.join(cells)}")
        shown = " / ".join(f"{value:.1f}" for value in found["precision at 10 / 25 / 50 / 100 %"])
        print(f"  precision at 10 / 25 / 50 / 100 % of the links to others: {shown}")
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
