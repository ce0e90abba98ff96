"""`python -m benchmarks.kept_and_dropped`: what became of the pairs that a mining found, with examples to judge.

Reads the tables of a home and decides again, by the very code of the graph, which pairs are kept, merged or dropped and
why. Prints counts by reason and examples of each, with their texts, on the terminal alone; ``--json FILE`` writes the
counts. Examples are chosen by the hash of their guid: the same ones each time.
"""

from __future__ import annotations

import argparse
import json
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pandas as pd

from jarvis_assets.pairs import coherence, keeping, splits
from jarvis_resources.asset_files import read_asset
from jarvis_resources.settings import load_settings

SHOWN_CHARACTERS = 160
"""Of each text, so that a pair stays within a few lines of a terminal."""


def main() -> None:
    """Print what was kept and dropped."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.kept_and_dropped",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--home", type=Path, help="whose mining; default: JARVIS_HOME")
    parser.add_argument("--reason", help="only this reason, or kept:gold, kept:semantic")
    parser.add_argument("--examples", type=int, default=10, help="examples of each (default: 10; 0: counts alone)")
    parser.add_argument("--json", type=Path, help="write the counts to this file")
    asked = parser.parse_args()
    root = str(asked.home / "assets") if asked.home else load_settings().assets_root

    rows, floors = decided(root)
    counts = {str(reason): int(count) for reason, count in rows["decision"].value_counts().items()}
    print(f"{len(rows):,} pairs found; coherence floors: {floors}")
    for reason, count in counts.items():
        print(f"{count:>9,}  {count / len(rows):6.2%}  {reason}")
    if asked.json:
        asked.json.write_text(json.dumps({"found": len(rows), "decisions": counts}, indent=1), encoding="utf-8")
    for reason in [asked.reason] if asked.reason else counts:
        chosen = rows[rows["decision"] == reason].head(asked.examples)
        if len(chosen):
            print(f"\n{reason}")
        for row in chosen.itertuples():
            where = "group" if row.is_group else "direct"
            print(f"  {row.response_guid}  {row.source} {row.confidence:.2f}, {where}, cosine {row.coherence:.2f}")
            print(f"    they: {shown(row.trigger_text)}\n    I:    {shown(row.response_text)}")
            if isinstance(row.beside, str):
                print(f"    like: {shown(row.beside)}")


def decided(root: str) -> tuple[pd.DataFrame, coherence.Floors]:
    """Every pair found, with its ``decision`` and, where it repeats another, what that says (``beside``)."""
    gold, semantic = (read_asset(root, name, "table") for name in ("gold_pairs", "semantic_pairs"))
    people, vectors = read_asset(root, "people", "table"), read_asset(root, "turn_vectors", "array")
    turns = read_asset(root, "turns", "table", columns=["turn_id", "conversation_id", "is_from_me"])
    floors = coherence.learn(gold, semantic, turns, vectors)
    kept = keeping.keep(gold, semantic, people, floors)
    sides = splits.assign(kept.pairs, cutoff=None)
    rows = pd.concat([gold, semantic], ignore_index=True)
    aside = rows["response_guid"].isin(kept.pairs.loc[sides["split_pair"].isna().to_numpy(), "response_guid"])
    reason = kept.reason.mask(aside & kept.reason.isna(), splits.NEAR_DUPLICATE)
    stands = pd.Series(np.repeat(np.arange(len(kept.pairs)), kept.pairs["occurrence_guids"].map(len)))
    by_guid = pd.Series(stands.to_numpy(), index=[one for guids in kept.pairs["occurrence_guids"] for one in guids])
    first = kept.pairs.iloc[by_guid.reindex(rows["response_guid"]).fillna(0).astype(int)]
    beside = (first["trigger_text"] + " → " + first["response_text"]).to_numpy()
    rows = rows.assign(
        decision=reason.fillna("kept:" + rows["source"]),
        beside=np.where(reason.isin(keeping.MERGED), beside, None),
        order=[blake2b(guid.encode(), digest_size=8).hexdigest() for guid in rows["response_guid"]],
    )
    return rows.sort_values("order", ignore_index=True), floors


def shown(text: str) -> str:
    """``text`` on one line, cut."""
    line = text.replace("\n", " ⏎ ")
    return line if len(line) <= SHOWN_CHARACTERS else line[: SHOWN_CHARACTERS - 1] + "…"


if __name__ == "__main__":
    main()
