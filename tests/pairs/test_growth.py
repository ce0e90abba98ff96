"""A growing history never moves a pair: 10, 50 and 100 % of the messages of a sample, and of the public database."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import pytest
from public_truth import messages_of, read_truth

from jarvis_assets.pairs import gold, keeping, reply_links, segments, splits
from jarvis_assets.pairs.coherence import Floors
from jarvis_assets.pairs.leaks import leaks
from jarvis_assets.pairs.links.weights import LinkModel
from jarvis_assets.pairs.turns import TURN_GAP_SECONDS, build_turns
from jarvis_resources import tables
from jarvis_resources.imessage import messages as reader
from jarvis_resources.imessage.sample import write_sample
from jarvis_resources.imessage.snapshot import take_snapshot

PEOPLE = pd.DataFrame({"person_id": pd.Series([], dtype="str"), "is_automated": pd.Series([], dtype="bool"),
                       "display_name": pd.Series([], dtype="str")})  # fmt: skip


@dataclass(frozen=True)
class Mined:
    """Pairs and splits of a history as far as it has got; the link model and the floors stay as they are."""

    pairs: pd.DataFrame
    splits: pd.DataFrame

    @property
    def rows(self) -> pd.DataFrame:
        """By key: whose row it is, and where it stands."""
        identity = self.pairs.set_index("pair_id")[["response_guid", "person_id", "responded_at"]]
        return identity.join(self.splits.set_index("pair_id"))


def mine(messages: pd.DataFrame, people: pd.DataFrame, vectors_of, cutoff=None) -> Mined:
    turns = build_turns(messages)
    vectors = vectors_of(turns)
    numbers = segments.segment(turns, vectors)
    threaded = gold.pair_threaded_turns(turns, messages, vectors, numbers, people=people)
    others = reply_links.pair_unthreaded_turns(turns, messages, vectors, numbers, LinkModel.shipped(), people=people)
    pairs = keeping.keep(threaded.pairs, others.pairs, people, Floors()).pairs
    return Mined(pairs, splits.assign(pairs, cutoff=cutoff or splits.default_cutoff(pairs)))


def has_ended(mined: Mined, at: pd.Timestamp) -> pd.Series:
    """Pairs whose reply nothing could be added to any more when the history was cut."""
    return mined.pairs.set_index("pair_id")["responded_at"] < at - pd.Timedelta(seconds=2 * TURN_GAP_SECONDS)


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> tuple[pd.DataFrame, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("growing")
    written = write_sample(folder / "chat.db", messages=6_000, seed=4)
    take_snapshot(written.path, folder / "snapshots")
    read = reader.read_history(folder / "snapshots" / "chat.db")
    return tables.MESSAGES.to_pandas(read.messages), read.people


@pytest.fixture(scope="module")
def public(test_data) -> tuple[pd.DataFrame, pd.DataFrame]:
    return messages_of(read_truth(test_data)), PEOPLE


@pytest.mark.parametrize("history", ["sample", pytest.param("public", marks=pytest.mark.slow)])
def test_a_growing_history_never_moves_a_pair(history, request, word_vectors):
    messages, people = request.getfixturevalue(history)
    messages = messages.sort_values("sent_at", kind="stable", ignore_index=True)
    tenth, half = messages.iloc[: len(messages) // 10], messages.iloc[: len(messages) // 2]
    first = mine(tenth, people, word_vectors)
    cutoff = splits.default_cutoff(first.pairs)
    grown = [(mine(part, people, word_vectors, cutoff), part["sent_at"].max()) for part in (tenth, half, messages)]
    for (before, at), (after, _) in ((grown[0], grown[1]), (grown[0], grown[2]), (grown[1], grown[2])):
        assert leaks(before.pairs, before.splits) == []
        known = before.rows[has_ended(before, at)]
        assert len(known) > 100
        gone = known.index.difference(after.rows.index)
        assert len(gone) == 0
        pd.testing.assert_frame_equal(known, after.rows.loc[known.index])
    whole = grown[2][0]
    assert leaks(whole.pairs, whole.splits) == []
    assert (whole.pairs["occurrences"] > 1).any()
    assert whole.splits["set_aside_reason"].notna().any()
