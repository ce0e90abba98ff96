"""Learn the weights of ``jarvis_assets/pairs/segments.py`` from our own synthetic sample and nothing else.

    .venv/bin/python -m scripts.train_segments [--messages 20000] [--seeds 0,1]

Prints ``WEIGHTS``, ``PAUSE_SLOPE`` and ``PAUSE_BIAS`` to put there. A logistic regression over the words comes first, so that
words alone can decide where no times are known; what a pause adds is learned on top of it. The truth follows from the
sample's links: a turn that answers nobody opens a topic.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from benchmarks.segments import sample_turns
from jarvis_assets.pairs import segments
from jarvis_assets.pairs.turns import codes


def main() -> int:
    """Make the samples, learn, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000, help="messages of each sample")
    parser.add_argument("--seeds", default="0,1", help="seeds of the samples")
    asked = parser.parse_args()
    rows: list[Any] = []
    for seed in asked.seeds.split(","):
        turns, vectors, opens = sample_turns(asked.messages, int(seed))
        conversation = codes(turns["conversation_id"])
        found = segments.evidence(turns["text"], conversation, vectors)
        pause = segments.pauses(turns)
        # What a night decides, and a conversation's first turn, teach nothing about words.
        use = np.append(False, conversation[1:] == conversation[:-1]) & (pause < segments.CERTAIN_SECONDS)
        rows.append((np.column_stack(list(found.values()))[use], segments.long_pause(pause)[use], opens[use]))
    words, pause, opens = (np.concatenate(part) for part in zip(*rows, strict=True))
    model = LogisticRegression(max_iter=1_000).fit(words, opens)
    weights = dict(zip(found, model.coef_[0].round(2).tolist(), strict=True)) | {
        "bias": round(float(model.intercept_[0]), 2)
    }
    on_top = LogisticRegression(max_iter=1_000, C=10.0).fit(
        np.column_stack([model.decision_function(words), pause]), opens
    )
    scale, slope = on_top.coef_[0]
    sys.stdout.write(
        f"WEIGHTS = {weights}\nPAUSE_SLOPE, PAUSE_BIAS = {slope / scale:.2f}, {on_top.intercept_[0] / scale:.2f}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
