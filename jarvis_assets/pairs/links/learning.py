"""Where the link model for groups learns, and where its calibration comes from: public links and the owner's own.

With a corpus of public links the model is learned from it and from the owner's inline replies in groups, once: it is
kept in ``$JARVIS_HOME/links`` under what it was learned from, and learned anew when the corpus changes, when this code
does, or when the owner's replies have doubled. A model that stays keeps a growing history's pairs where they are.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from jarvis_assets.kept import LINKS, doublings, key_of, once
from jarvis_assets.pairs import segments, turns
from jarvis_assets.pairs.links import evidence, exchanges, forest, inputs, public_links, ranker, windows, wording
from jarvis_assets.pairs.links.inputs import LinkInputs
from jarvis_assets.pairs.links.ranker import Best, Known, Ranker
from jarvis_resources import corpora
from jarvis_resources.encoders import encoder_fingerprint

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jarvis_resources.settings import Settings

    Embed = Callable[[list[str]], NDArray[np.float16]]

DEV_SHARE = 0.15
"""Share of the train split's logs that learning leaves out, for calibration and threshold on their busiest speakers."""
PRECISION_WANTED = 0.80
"""Expected precision of the pairs kept in groups, from which their threshold follows."""


def learned(settings: Settings, embed: Embed, own: Known | None, *, say: Callable[[str], None]) -> Ranker | None:
    """The ranker learned from public links (and ``own``, the owner's inline replies); None where there is no corpus."""
    lines = corpora.irc_ubuntu(settings.corpora)
    lines = None if lines is None else lines[lines["split"] == "train"].reset_index(drop=True)
    if lines is None or lines.empty:
        return None
    return once(
        settings.home / LINKS,
        "trees",
        _key(lines, own, settings),
        load=Ranker.from_bytes,
        dump=Ranker.to_bytes,
        make=lambda: learn(lines, settings, embed, own, say),
    )


def learn(
    lines: pd.DataFrame, settings: Settings, embed: Embed, own: Known | None, say: Callable[[str], None]
) -> Ranker:
    """A calibrated ranker from the lines of a corpus and the owner's links."""
    said = turns.build_turns(public_links.messages_of(lines), settings.turn_gap_seconds)
    links = public_links.links_among(said, lines)
    say("links: embedding public turns")
    vectors = embed(said["text"].tolist())
    seen = LinkInputs.of(said, vectors, segments.segment(said, vectors), public_links.people_of(lines))
    held = _held_out(said["conversation_id"])[links["response"].to_numpy()]
    sources = [Known(seen, links[~held])]
    provenance = f"{links['response'][~held].nunique():,} public turns with annotated links"
    if own is not None and len(own.links):
        sources.append(own)
        provenance += f" and {len(own.links):,} inline replies of the owner's groups"
    found = ranker.fit(sources, provenance=provenance, progress=say)
    rows = np.unique(links["response"][held])
    rows = rows[_by_the_busiest(said)[rows]]
    best = found.best(seen, rows)
    return ranker.with_calibration(found, best, right(best, rows, links), precision=PRECISION_WANTED)


def right(best: Best, responses: NDArray[np.int64], links: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether each response's best turn is one that it answers."""
    found = pd.MultiIndex.from_arrays([responses, best.trigger])
    return np.asarray(found.isin(pd.MultiIndex.from_frame(links[["response", "trigger"]])) & (best.trigger >= 0))


def _held_out(logs: pd.Series[str]) -> NDArray[np.bool_]:
    """Whether each log is left out of learning, by the hash of its name."""
    names, place = np.unique(logs.to_numpy(dtype=str), return_inverse=True)
    hashed = [blake2b(name.encode(), digest_size=2, person=b"log-fold").digest() for name in names]
    return np.array([int.from_bytes(one) / 65536 < DEV_SHARE for one in hashed])[place]


def _by_the_busiest(turns: pd.DataFrame) -> NDArray[np.bool_]:
    """Turns by the one who speaks most in each log, as owners do in their groups: passers-by are easier to tell."""
    spoken = turns.groupby(["conversation_id", "person_id"]).size().sort_values(ascending=False, kind="stable")
    busiest = spoken.reset_index().drop_duplicates("conversation_id")["person_id"]
    return np.asarray(turns["person_id"].isin(busiest), dtype=bool)


def _key(lines: pd.DataFrame, own: Known | None, settings: Settings) -> str:
    """What a ranker is learned from: the corpus, this code, the encoder, and how often the owner's links have doubled."""
    rows = lines.assign(targets=lines["targets"].map(str))
    return key_of(
        [
            pd.util.hash_pandas_object(rows, index=False).to_numpy().tobytes(),
            encoder_fingerprint(settings.pairing_encoder, settings=settings),
            str(settings.turn_gap_seconds),
            doublings(0 if own is None else len(own.links)),
        ],
        (
            turns,
            segments,
            inputs,
            windows,
            wording,
            evidence,
            exchanges,
            forest,
            ranker,
            public_links,
            sys.modules[__name__],
        ),
    )
