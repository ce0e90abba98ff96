"""`python -m benchmarks.pairing`: how right the gold and semantic pairs of a mining are, beside what anybody would try.

Reads the tables of a home that was mined from a database with a truth, finds its links again without the threshold for
the curve, and measures bursts on samsum where it is there. Prints tables; ``--json FILE`` writes the figures, ``--plot
FILE`` the picture. Baselines are made from the same turns and messages. Intervals are 95 %, 1,000 bootstrap resamples
over conversations. Nothing is learned or chosen here.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.pairing import baselines, bursts, every_link, picture, scoring
from benchmarks.pairing.intervals import Figure
from benchmarks.pairing.scoring import PLACES, Judged
from benchmarks.pairing.truth import Truth
from jarvis_resources.asset_files import read_asset
from jarvis_resources.errors import JarvisError
from jarvis_resources.files import write_private
from jarvis_resources.settings import Settings, load_settings

KEPT, EVERY = "JARVIS, at the threshold", "JARVIS, without a threshold"
PREVIOUS, RECENT = "previous message by someone else", "… if within 6 hours"


def main() -> None:
    """Measure, print, draw, and write JSON where asked."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.pairing", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path, required=True, help="a home mined from the database of the truth")
    parser.add_argument("--truth", type=Path, help="default: $JARVIS_TEST_DATA/chatdb/truth.jsonl.gz")
    parser.add_argument("--plot", type=Path, help="where the picture goes; default: HOME/reports/pairing.png")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    asked = parser.parse_args()
    settings = load_settings(home=str(asked.home))
    samsum = _test_data("samsum/samsum.jsonl.gz")
    truth = asked.truth or _test_data("chatdb/truth.jsonl.gz")
    if truth is None or not truth.is_file():
        sys.exit("There is no truth to measure against; name it with --truth, or set JARVIS_TEST_DATA to its folder.")
    try:
        found, image = measure(settings, Truth.read(truth))
    except JarvisError as error:
        sys.exit(str(error))
    if samsum and samsum.is_file():
        found["samsum bursts"] = bursts.measure(samsum)
    show(found)
    target = asked.plot or settings.reports / "pairing.png"
    write_private(target, image)
    print(f"\npicture: {target}")
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1, default=_plain) + "\n", encoding="utf-8")


def measure(settings: Settings, truth: Truth) -> tuple[dict[str, Any], bytes]:
    """The figures by part, and the picture."""
    root = settings.assets_root
    turns, messages, people, gold, semantic = (
        read_asset(root, name, "table") for name in ("turns", "messages", "people", "gold_pairs", "semantic_pairs")
    )
    if len(semantic) and not (truth.row(semantic["response_guid"]) >= 0).any():
        raise JarvisError(
            "None of these pairs is in the truth: it is of another database than this home was mined from."
        )
    vectors = read_asset(root, "turn_vectors", "array")
    links = every_link.find(turns, messages, people, vectors, settings.home)
    systems = {
        KEPT: semantic,
        EVERY: links.pairs,
        PREVIOUS: baselines.previous_message(turns, messages),
        RECENT: baselines.previous_message(turns, messages, baselines.SIX_HOURS),
    }
    judged = {name: Judged.of(truth, gold, pairs) for name, pairs in systems.items()}
    ours = {name: judged[name] for name in (KEPT, EVERY)}
    thresholds = {"direct": links.direct_threshold, "group": links.group_threshold}
    found = {
        "link model": {
            "provenance": links.provenance,
            "thresholds": thresholds,
            "mined_pairs_found_again": links.found_again(semantic),
        },
        "gold": scoring.gold(
            truth,
            {
                "JARVIS": gold,
                "thread root": baselines.thread_root(turns, messages),
                "latest by someone else in the thread": baselines.latest_in_thread(turns, messages),
            },
        ),
        "edited triggers": scoring.edited(truth, pd.concat([gold, semantic], ignore_index=True)),
        "semantic": {place: {name: each.at(place).figures() for name, each in judged.items()} for place in PLACES},
        "precision among the most confident": {
            place: {name: each.at(place).most_confident() for name, each in ours.items()} for place in PLACES
        },
        "expected calibration error": {
            place or "all": {name: each.at(place).calibration() for name, each in ours.items()}
            for place in (*PLACES, None)
        },
    }
    places = [
        scoring.place_of(
            {"direct": "Direct chats", "group": "Groups"}[place],
            judged[KEPT].at(place),
            judged[EVERY].at(place),
            {name: judged[name].at(place) for name in (PREVIOUS, RECENT)},
            thresholds[place],
        )
        for place in PLACES
    ]
    return found, picture.draw(places)


def show(found: dict[str, Any]) -> None:
    """Print the figures as tables."""
    model = found["link model"]
    print(f"link model: {model['provenance']}")
    print(
        f"thresholds: direct {model['thresholds']['direct']:.3f}, groups {model['thresholds']['group']:.3f}; "
        f"{model['mined_pairs_found_again']:.2%} of the mined semantic pairs are found again"
    )
    _table("gold pairs, exact", found["gold"])
    _table("edited triggers, text as it stood when I replied", found["edited triggers"])
    for place, rows in found["semantic"].items():
        _table(f"semantic pairs, {place} (precision counts openers as wrong; coverage: the right pair)", rows)
    for place, rows in found["precision among the most confident"].items():
        _table(f"precision among the most confident, {place}", rows)
    for place, rows in found["expected calibration error"].items():
        _table(f"expected calibration error of the confidence, {place}", rows)
    if "samsum bursts" in found:
        _table("samsum, two-party dialogues, shipped model at its threshold", found["samsum bursts"])


def _table(title: str, rows: dict[str, dict[str, Any]]) -> None:
    names = list(next(iter(rows.values())))
    print(f"\n{title}\n{'':38s} " + " ".join(f"{name.replace('_', ' '):>24s}" for name in names))
    for system, figures in rows.items():
        print(f"{system:38s} " + " ".join(f"{_cell(figures[name]):>24s}" for name in names))


def _cell(value: Figure | int | float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}" if isinstance(value, float) else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Figure):
        return value.as_json()
    raise TypeError(f"{type(value)} is no JSON")


def _test_data(name: str) -> Path | None:
    folder = os.environ.get("JARVIS_TEST_DATA")
    return Path(folder) / name if folder else None


if __name__ == "__main__":
    main()
