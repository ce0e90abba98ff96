"""The blocking check proves on what learning gets that nothing leaks: a planted leak of each kind fails it."""

from __future__ import annotations

import dagster as dg
import numpy as np
import pandas as pd
import pytest
from written_pairs import as_text, found, many, pair, spelled, with_contexts

from jarvis_assets.definitions import defs
from jarvis_assets.pairs import checks, leaks, masking, splits
from jarvis_assets.pairs.dedupe import merge
from jarvis_resources import tables
from jarvis_serving.normalise import pair_id


@pytest.fixture
def sound() -> tuple[pd.DataFrame, pd.DataFrame]:
    """A table of pairs with contexts, and its splits."""
    pairs = with_contexts(many(300))
    return pairs, splits.assign(pairs, cutoff=splits.default_cutoff(pairs))


def verdict(pairs: pd.DataFrame, sides: pd.DataFrame) -> dg.AssetCheckResult:
    """What the check of the graph says of two tables as they lie on disk."""
    return checks.no_leak_between_splits(sides, pairs[list(leaks.COLUMNS)])


def leak(result: dg.AssetCheckResult) -> str:
    assert not result.passed
    return str(result.metadata["leaks"].value)


def test_what_is_assigned_does_not_leak(sound):
    assert verdict(*sound).passed
    none = with_contexts(many(0))
    assert verdict(none, splits.assign(none, cutoff=None)).passed


def test_the_check_blocks_what_comes_after():
    [key] = checks.no_leak_between_splits.check_keys
    assert checks.no_leak_between_splits.get_spec_for_check_key(key).blocking


def test_a_key_on_two_rows_of_the_splits(sound):
    pairs, sides = sound
    doubled = pd.concat([sides, sides.iloc[:1].assign(split_pair="dev")], ignore_index=True)
    assert leak(verdict(pairs, doubled)) == "1 keys stand on more than one row of the splits."


def test_a_key_on_two_rows_of_the_pairs(sound):
    pairs, sides = sound
    assert "more than one row of the pairs" in leak(verdict(pd.concat([pairs, pairs.iloc[:2]]), sides))


def test_a_row_missing(sound):
    pairs, sides = sound
    assert leak(verdict(pairs, sides.iloc[1:])) == "1 keys are in the pairs or in the splits alone."
    assert leak(verdict(pairs.iloc[2:], sides)) == "2 keys are in the pairs or in the splits alone."


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("coming?", "yesss"), ("coming", "Yes 🎉")),
        (("are you coming to dinner at 5 tonight", "sure"), ("are you coming to dinner at 6 tonight", "sure")),
    ],
)
@pytest.mark.parametrize("strategy", splits.STRATEGIES)
def test_a_near_duplicate_on_two_sides(sound, strategy, one, other):
    pairs, sides = sound
    pairs.loc[[0, 1], ["trigger_text", "response_text"]] = [one, other]
    pairs.loc[[0, 1], "pair_id"] = sides.loc[[0, 1], "pair_id"] = [pair_id(*one), pair_id(*other)]
    sides.loc[[0, 1], list(splits.STRATEGIES)] = None
    sides.loc[[0, 1], strategy] = ["train", "dev"]
    assert leak(verdict(pairs, sides)) == f"{strategy}: 1 pairs nearly duplicate a pair of another side."


def test_a_person_on_both_sides(sound):
    pairs, sides = sound
    rows = np.flatnonzero(pairs["person_id"] == "p3")[:2]
    sides.loc[rows, "split_contact"] = ["dev", "holdout"]
    assert leak(verdict(pairs, sides)).startswith("split_contact: 1 people stand on both sides.")


def test_a_holdout_older_than_train(sound):
    pairs, sides = sound
    sides.loc[0, "split_time"] = "holdout"
    assert leak(verdict(pairs, sides)).startswith("split_time: 1 replies of the holdout are no later")


def test_a_holdouts_response_in_the_text_of_a_train_context_though_not_in_its_list(sound):
    pairs, sides = sound
    row = next(row for row in range(1, 300) if shows_holdout(sides, row))
    contexts = pairs["context"].tolist()
    contexts[row] = contexts[row][:1]
    pairs["context"] = tables.PAIRS.conform(pairs.assign(context=contexts))["context"]
    assert "split_pair: the text of 1 contexts of train or dev is not that of their messages." in leak(
        verdict(pairs, sides)
    )


def test_a_holdouts_response_that_learning_is_handed(sound, monkeypatch):
    """The check looks at what ``learnable`` hands out, so that a masking that forgets something fails it."""
    honest = masking.learnable

    def forgetful(pairs, splits, *, strategy="split_pair"):
        seen = honest(pairs, splits, strategy=strategy)
        return seen.assign(context=pairs["context"][seen.index], context_text=pairs["context_text"][seen.index])

    monkeypatch.setattr(leaks, "learnable", forgetful)
    said = leak(verdict(*sound))
    assert "split_pair: " in said
    assert "contexts of train or dev show a holdout's response." in said
    assert "answer number" not in said, "leaks are told without text"


def shows_holdout(sides: pd.DataFrame, row: int) -> bool:
    """Whether a pair that is learned from stands after one that is held out."""
    side = sides["split_pair"]
    return bool(side[row] != "holdout" and side[row - 1] == "holdout")


def test_a_holdouts_response_is_masked_where_learning_looks_and_nothing_else(sound):
    pairs, sides = sound
    seen = masking.learnable(pairs, sides)
    assert (sides["split_pair"][seen.index] == seen["side"]).all()
    assert set(seen["side"]) == {"train", "dev"}
    some = 0
    for row in seen.index[seen.index > 0]:
        hidden = shows_holdout(sides, row)
        some += hidden
        context = list(seen["context"][row])
        assert len(context) == (1 if hidden else 2)
        assert seen["context_text"][row] == as_text(context)
        assert context[0]["text"] == f"question number {spelled(row - 1)}\nreally?"
    assert some > 20


def test_every_occurrence_of_a_held_out_pair_is_masked_and_what_nearly_repeats_it_too():
    """The same words said again to somebody else would tell the answer as well."""
    for k in range(40):
        question, answer = f"is it {spelled(k)}?", f"it is {spelled(k)}"
        again = [pair(question, f"{answer}{'!' * n}", n) for n in range(3)]
        context = [
            {"guid": guid, "speaker": "me", "text": answer} for row in again for guid in row["response_guids"]
        ] + [{"guid": "mine", "speaker": "me", "text": "good"}]
        later = pair(
            f"and {spelled(k)} then?", f"well {spelled(500 + k)}", 9, context=context, context_text=as_text(context)
        )
        pairs = merge(found(*again, later)).pairs
        sides = splits.assign(pairs, cutoff=None)
        if sides["split_pair"].tolist() == ["holdout", "train"]:
            [seen] = masking.learnable(pairs, sides)["context"]
            assert [one["text"] for one in seen] == ["good"]
            return
    raise AssertionError("no such sides in forty tries")


def test_no_step_that_learns_reads_contexts_but_through_the_mask():
    """Steps that know the splits load pairs without contexts; one that needs them must take ``masking.learnable``."""
    learning = 0
    for asset in defs.assets or []:
        if not isinstance(asset, dg.AssetsDefinition) or not isinstance(asset.node_def, dg.OpDefinition):
            continue
        inputs = asset.node_def.input_dict
        loads = "pairs" in inputs and not inputs["pairs"].dagster_type.is_nothing
        if loads and ("pair_splits" in inputs or "pair_vectors" in inputs):
            learning += 1
            columns = (inputs["pairs"].metadata or {}).get("columns")
            assert columns, f"{asset.key} loads the pairs with their contexts"
            assert not {"context", "context_text"} & set(columns), asset.key
    assert learning >= 3
