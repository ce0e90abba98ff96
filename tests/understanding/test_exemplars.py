"""The exemplars are ours, varied, and grouped so that what resembles each other is held out together."""

from __future__ import annotations

from collections import Counter

import pytest

from jarvis_resources.tables import RESPONSE_TYPES, TRIGGER_ACTS
from jarvis_serving.normalise import key_text
from jarvis_serving.understanding import exemplars
from jarvis_serving.understanding.response_types import is_valid

ENOUGH = 40
"""Exemplars that each class needs at least."""


@pytest.mark.parametrize("act", TRIGGER_ACTS)
def test_every_act_has_enough_exemplars_over_many_themes(act: str):
    of_act = [exemplar for exemplar in exemplars.triggers() if exemplar.act == act]
    assert len(of_act) >= ENOUGH
    assert len({exemplar.group for exemplar in of_act}) >= 7


@pytest.mark.parametrize("response_type", RESPONSE_TYPES)
def test_every_response_type_has_enough_exemplars_over_several_scenes(response_type: str):
    of_type = [exemplar for exemplar in exemplars.replies() if exemplar.response_type == response_type]
    assert len({exemplar.text for exemplar in of_type}) >= ENOUGH
    assert len({exemplar.group for exemplar in of_type}) >= 4


def test_no_incoming_text_stands_in_two_themes():
    counts = Counter(key_text(exemplar.text) for exemplar in exemplars.triggers())
    assert [text for text, count in counts.items() if count > 1] == []


def test_scene_names_are_unique_so_that_a_scene_is_one_group():
    scenes: dict[str, set[str]] = {}
    for exemplar in exemplars.replies():
        scenes.setdefault(exemplar.group, set()).add(exemplar.trigger_act)
    assert all(len(acts) == 1 for acts in scenes.values())


def test_most_replies_answer_their_message_by_the_table():
    fits = [is_valid(exemplar.trigger_act, exemplar.response_type) for exemplar in exemplars.replies()]
    assert sum(fits) / len(fits) > 0.9


def test_the_same_message_meets_replies_of_several_types():
    types: dict[str, set[str]] = {}
    for exemplar in exemplars.replies():
        types.setdefault(exemplar.trigger, set()).add(exemplar.response_type)
    assert sum(len(found) >= 2 for found in types.values()) / len(types) > 0.95
