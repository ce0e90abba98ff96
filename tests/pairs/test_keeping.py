"""What becomes of found pairs: filtered by reason, merged by key, put on sides that do not leak."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from jarvis_assets.pairs import dedupe, filters, splits
from jarvis_resources import tables
from jarvis_resources.errors import SettingsError
from jarvis_serving.normalise import pair_id

START = pd.Timestamp("2024-01-01T00:00:00Z")


def pair(trigger: str, response: str, hour: float = 0.0, **rest):
    """One pair's row; ``hour`` is when I replied."""
    number = f"{trigger}{response}{hour}"
    return {
        "pair_id": pair_id(trigger, response), "source": "semantic", "confidence": 0.9,
        "trigger_guid": f"t{number}", "response_guid": f"r{number}", "trigger_guids": [f"t{number}"],
        "response_guids": [f"r{number}"], "trigger_text": trigger, "trigger_turn_text": trigger,
        "response_text": response, "context": [], "context_text": "", "conversation_id": "d1", "person_id": "ana",
        "is_group": False, "trigger_at": START + pd.Timedelta(hours=hour),
        "responded_at": START + pd.Timedelta(hours=hour), "reply_seconds": 0.0, "occurrences": 1, "coherence": 0.3,
        **rest,
    }  # fmt: skip


def table(*rows) -> pd.DataFrame:
    return tables.PAIRS.conform(pd.DataFrame(rows)) if rows else tables.PAIRS.empty()


def spelled(k: int) -> str:
    """A word of its own for each number."""
    return "".join("bcdfghjklm"[int(digit)] + "a" for digit in str(k))


def many(n: int) -> pd.DataFrame:
    return table(
        *(
            pair(f"question number {spelled(k)}", f"answer number {spelled(k)}", k, person_id=f"p{k % 40}")
            for k in range(n)
        )
    )


PEOPLE = pd.DataFrame({"person_id": ["ana", "bank"], "is_automated": [False, True]})


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (pair("yo", "what is up"), "trigger_too_short"),
        (pair("x" * 501, "wow"), "trigger_too_long"),
        (pair("you there?", "k"), "response_too_short"),
        (pair("tell me everything", "word " * 201), "response_too_long"),
        (pair("Your balance is low", "thanks", person_id="bank"), "automated_sender"),
        (pair("Your verification code is 482913", "got it"), "one_time_code"),
        (pair("G-482913 is your Google verification code", "got it"), "one_time_code"),
        (pair("what did they send you?", "the code is 4821"), "one_time_code"),
        (pair("Loved “see you at eight”", "what"), "tapback_text"),
        (pair("Begin forwarded message: dear all", "no idea"), "forwarded_or_pasted"),
        (pair("\n".join("line" for _ in range(20)), "no idea"), "forwarded_or_pasted"),
        (pair("the cat is fine", "seventeen", coherence=-0.2), "incoherent"),
    ],
)
def test_each_reason_drops_what_it_names(row, reason):
    found = filters.filter_pairs(table(row), PEOPLE)
    assert found.pairs.empty
    assert found.drops == {reason: 1}


@pytest.mark.parametrize("response", ["ok", "no", "yes", "👍🏽", "lol", "K.", "??", "haha", "sí"])
def test_a_short_answer_is_not_dropped_for_being_short(response):
    found = filters.filter_pairs(table(pair("are you coming tonight?", response, coherence=0.01)), PEOPLE)
    assert len(found.pairs) == 1


@pytest.mark.parametrize(
    "text",
    ["meet at 1830 by the pin board", "my pin number is 12, kidding", "call me on 5551234", "I loved “Dune”", "room 4021?",
     "what is the dress code for 2024", "area code 413, 447-9626", "did you fwd: the mail"],
)  # fmt: skip
def test_what_only_looks_like_a_code_or_a_tapback_stays(text):
    assert len(filters.filter_pairs(table(pair(text, "sure")), PEOPLE).pairs) == 1


def test_an_inline_reply_is_never_called_incoherent():
    row = pair("the cat is fine", "seventeen", coherence=-0.2, source="gold")
    assert len(filters.filter_pairs(table(row), PEOPLE).pairs) == 1


def test_every_pair_is_kept_or_counted_once():
    rows = [pair("yo", "k"), pair("Your code is 482913", "x" * 2_000, person_id="bank"), pair("coming?", "yes")]
    found = filters.filter_pairs(table(*rows), PEOPLE)
    assert len(found.pairs) + found.dropped == 3


def test_repeats_merge_whatever_case_spaces_and_final_dots():
    gold = table(pair("Coming?", "Yes!", 1, source="gold", confidence=0.95))
    semantic = table(pair("coming? ", "yes", 5), pair("coming?", "yes.", 9), pair("coming?", "no", 7))
    found = dedupe.merge(gold, semantic)
    assert found.pairs[["response_text", "source", "occurrences"]].values.tolist() == [
        ["Yes!", "gold", 3],
        ["no", "semantic", 1],
    ]
    assert found.drops == {"repeats_an_earlier_pair": 2}
    assert tables.violations(tables.PAIRS, found.pairs) == []


def test_the_earliest_occurrence_stands_so_that_growth_swaps_nothing():
    early = table(pair("coming?", "yes", 1, confidence=0.6))
    late = table(pair("coming?", "yes", 5, confidence=0.95, person_id="bo"))
    assert dedupe.merge(late, early).pairs["person_id"].tolist() == ["ana"]


def test_merging_nothing_gives_an_empty_table():
    empty = tables.GOLD_PAIRS.empty()
    assert tables.violations(tables.PAIRS, dedupe.merge(empty, empty).pairs) == []


def test_a_fifth_is_held_out_and_a_tenth_of_the_rest_is_dev():
    pairs = many(4_000)
    sides = splits.assign(pairs, cutoff=splits.default_cutoff(pairs))
    assert tables.violations(tables.PAIR_SPLITS, sides) == []
    for strategy in ("split_pair", "split_time"):
        share = sides[strategy].value_counts(normalize=True)
        np.testing.assert_allclose([share["holdout"], share["dev"]], [0.2, 0.08], atol=0.02)
    assert sides["split_contact"].value_counts(normalize=True)["holdout"] == pytest.approx(0.2, abs=0.15)


def test_a_pair_never_moves_when_the_history_grows():
    pairs = many(2_000)
    cutoff = splits.default_cutoff(pairs.iloc[:200])
    whole = splits.assign(pairs, cutoff=cutoff).set_index("pair_id")
    for size in (200, 1_000):
        part = splits.assign(pairs.iloc[:size], cutoff=cutoff).set_index("pair_id")
        pd.testing.assert_frame_equal(part, whole.loc[part.index])


def test_the_cutoff_is_frozen_at_the_first_mining(home):
    home.mkdir()
    assert splits.frozen_cutoff(home, many(0)) is None
    first = splits.frozen_cutoff(home, many(100))
    assert splits.frozen_cutoff(home, many(900)) == first
    assert (home / splits.CUTOFF_FILE).stat().st_mode & 0o777 == 0o600
    (home / splits.CUTOFF_FILE).write_text("{}")
    with pytest.raises(SettingsError, match="remove it"):
        splits.frozen_cutoff(home, many(10))


def test_a_newcomer_that_nearly_repeats_a_pair_of_another_side_is_set_aside():
    pairs = table(
        *(pair(f"coming to {spelled(k)}{'?' * m}", f"yes{'s' * 3 * m}", k + m / 10) for k in range(200) for m in (1, 2))
    )
    sides = splits.assign(pairs, cutoff=None)
    aside = sides["split_pair"].isna()
    assert 20 < aside.sum() < 120
    assert (sides.loc[aside, "set_aside_reason"] == splits.NEAR_DUPLICATE).all()
    assert aside.to_numpy().reshape(-1, 2)[:, 0].sum() == 0, "the earlier of two stays"
    assert splits.leaks(pairs, sides) == []


def with_contexts(pairs: pd.DataFrame) -> pd.DataFrame:
    """Each pair's context: the pair before it."""
    contexts = [[]] + [
        [
            {"guid": row.trigger_guid, "speaker": "ana", "text": f"{row.trigger_text}\nreally?"},
            {"guid": row.response_guid, "speaker": "me", "text": row.response_text},
        ]
        for row in pairs.iloc[:-1].itertuples()
    ]
    texts = ["\n".join(f"{'Me' if e['speaker'] == 'me' else 'Them (A: b)'}: {e['text']}" for e in c) for c in contexts]
    return pairs.assign(context=pd.Series(contexts, dtype=object), context_text=pd.Series(texts, dtype="str"))


def test_a_holdouts_response_is_masked_where_learning_looks_and_nowhere_else():
    pairs = with_contexts(many(300))
    sides = splits.assign(pairs, cutoff=None)
    masked = splits.mask_holdout(pairs, sides)
    side = sides["split_pair"].to_numpy()
    some = 0
    for row in range(1, len(pairs)):
        hide = side[row] != "holdout" and side[row - 1] == "holdout"
        some += hide
        assert len(masked["context"][row]) == (1 if hide else 2)
        assert (f"answer number {spelled(row - 1)}" in masked["context_text"][row]) != hide
        assert masked["context_text"][row].startswith(f"Them (A: b): question number {spelled(row - 1)}\nreally?")
    assert some > 20


def planted(kind: str) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame | None]:
    """A sound table and its splits, with one leak planted; and what learning sees."""
    pairs = with_contexts(many(300))
    sides = splits.assign(pairs, cutoff=splits.default_cutoff(pairs))
    seen = None
    if kind == "key":
        sides = pd.concat([sides, sides.iloc[:1].assign(split_pair="dev")], ignore_index=True)
    elif kind == "wording":
        pairs.loc[0, ["trigger_text", "response_text"]] = ["coming?", "yesss"]
        pairs.loc[1, ["trigger_text", "response_text"]] = ["coming", "Yes 🎉"]
        sides.loc[[0, 1], "split_pair"] = ["train", "holdout"]
        sides.loc[[0, 1], ["split_contact", "split_time"]] = None
    elif kind == "person":
        rows = np.flatnonzero(pairs["person_id"] == "p3")[:2]
        sides.loc[rows, "split_contact"] = ["train", "holdout"]
    elif kind == "time":
        sides.loc[0, "split_time"] = "holdout"
    elif kind == "context":
        seen = pairs
    elif kind == "missing":
        sides = sides.iloc[1:]
    return pairs, sides, seen


@pytest.mark.parametrize("kind", ["key", "wording", "person", "time", "context", "missing"])
def test_a_planted_leak_of_each_kind_is_found(kind):
    pairs, sides, seen = planted(kind)
    assert len(splits.leaks(pairs, sides, learned_from=seen)) == 1


def test_what_the_splits_assign_does_not_leak():
    assert splits.leaks(*planted("none")[:2]) == []
    assert splits.leaks(table(), splits.assign(table(), cutoff=None)) == []


def test_the_sides_are_told_without_text():
    pairs, sides, seen = planted("context")
    assert "answer number" not in json.dumps(splits.leaks(pairs, sides, learned_from=seen))
