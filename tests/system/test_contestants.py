"""What a system may know when it answers the holdout: the release before this one gets no head start."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jarvis_assets.evaluation import contestants, holdout
from jarvis_resources import releases
from tests.system.conftest import ENCODER, MinedHome

pytestmark = pytest.mark.slow


@pytest.fixture
def answers_of_the_same_history(mined: MinedHome) -> tuple[holdout.Sides, dict]:
    """The answers of the release just mined beside retrieval's own, from the very same pairs."""
    from jarvis_assets.release.contents import assemble_bank
    from jarvis_resources.asset_files import read_asset
    from jarvis_serving.calibration import Calibration

    root, settings = mined.settings.assets_root, mined.settings
    pairs, splits = read_asset(root, "pairs", "table"), read_asset(root, "pair_splits", "table")
    vectors = read_asset(root, "pair_vectors", "array", ENCODER)
    bank = assemble_bank(
        pairs,
        vectors,
        read_asset(root, "trigger_index", "index", ENCODER),
        read_asset(root, "dialogue_acts", "table", ENCODER),
        read_asset(root, "response_topics", "table", ENCODER),
        read_asset(root, "dialogue_act_model", "json", ENCODER),
        read_asset(root, "people", "table"),
        read_asset(root, "contact_profiles", "table"),
        settings,
    )
    calibration = Calibration.from_json(read_asset(root, "router_calibration", "json", ENCODER))
    sides = holdout.divide(pairs, splits)
    fingerprint = str(releases.latest(settings.releases).manifest["fingerprint"])
    asked = np.asarray(vectors[sides.holdout, 0], np.float32)
    previous = contestants.previous_release_answers(settings.releases, fingerprint, pairs, sides, asked)
    return sides, contestants.all_answers(pairs, sides, bank, calibration, previous)


def test_the_previous_release_of_the_same_history_answers_as_retrieval_does(answers_of_the_same_history) -> None:
    sides, answers = answers_of_the_same_history
    assert len(sides.holdout) > 20
    assert answers["previous release"].ranked == answers["retrieval"].ranked
    assert answers["previous release"].options == answers["retrieval"].options


def test_a_release_of_another_encoder_is_not_asked(mined: MinedHome) -> None:
    nobody = np.empty((0, 384), np.float32)
    sides = holdout.Sides(*(np.empty(0, np.int64) for _ in range(3)))
    assert contestants.previous_release_answers(mined.settings.releases, "f" * 16, None, sides, nobody) is None


def test_where_nothing_was_published_nobody_is_asked(tmp_path: Path) -> None:
    nobody = np.empty((0, 384), np.float32)
    sides = holdout.Sides(*(np.empty(0, np.int64) for _ in range(3)))
    assert contestants.previous_release_answers(tmp_path, "f" * 16, None, sides, nobody) is None
