"""Every system's answers to the holdout: JARVIS's own by the serving code, the baselines, the previous release.

What a system may know is set here: train rows alone. What its answers are worth is measured in ``holdout``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jarvis_assets.evaluation import baselines
from jarvis_assets.evaluation.baselines import Answers
from jarvis_resources import releases
from jarvis_resources.errors import ReleaseError
from jarvis_serving.bank import Bank
from jarvis_serving.batch import answers_to, batch_answers
from jarvis_serving.calibration import Calibration

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from jarvis_assets.evaluation.holdout import Sides

CALIBRATION_FILE = "calibration.json"


def all_answers(
    pairs: pd.DataFrame, sides: Sides, bank: Bank, calibration: Calibration, previous: Answers | None
) -> dict[str, Answers]:
    """Answers by system to the messages of ``sides.holdout``; row i of ``pairs`` is row i of ``bank``."""
    train, asked = pairs.iloc[sides.train], pairs.iloc[sides.holdout]
    allowed = np.zeros(len(pairs), np.bool_)
    allowed[sides.train] = True
    own = batch_answers(bank, calibration, sides.holdout, allowed)
    answers = {
        baselines.RETRIEVAL: Answers(own.ranked, own.options, own.scores),
        baselines.NEAREST_TRIGGER: baselines.nearest_trigger(
            pairs, sides.train, sides.holdout, bank.vectors, bank.index
        ),
        baselines.BM25: baselines.bm25(train, asked),
        baselines.CONSTANT_TRIO: baselines.constant_trio(train, pairs.iloc[sides.dev], asked),
        baselines.MOST_COMMON: baselines.most_common(train, asked),
        baselines.RANDOM_REPLY: baselines.random_reply(train, asked),
        baselines.NO_SYSTEM: baselines.no_system(asked),
    }
    if previous is not None:
        answers[baselines.PREVIOUS_RELEASE] = previous
    return answers


def previous_release_answers(
    root: Path, fingerprint: str, pairs: pd.DataFrame, sides: Sides, vectors: NDArray[np.float32]
) -> Answers | None:
    """What the latest release answers to the holdout, had it known train alone; ``None`` where it cannot be asked.

    A release holds dev and holdout too, which retrieval here may not know: with them it would win by a head start.
    ``vectors`` float32 [asked, dimension] are the messages' vectors under the encoder ``fingerprint``: a release made
    with another encoder cannot be asked, nor one that is damaged or not there.
    """
    try:
        release = releases.verify(releases.latest(root))
        if release.manifest.get("fingerprint") != fingerprint:
            return None
        bank = Bank.load(release.path)
        calibration = Calibration.load(release.path)
    except ReleaseError:
        return None
    hidden = np.ones(len(pairs), np.bool_)
    hidden[sides.train] = False
    unseen = ~bank.pairs["pair_id"].isin(set(pairs["pair_id"][hidden])).to_numpy()
    if not unseen.any():
        return None
    asked = pairs.iloc[sides.holdout]
    found = answers_to(
        bank.restricted(unseen), calibration, asked["trigger_text"].tolist(), vectors, asked["person_id"].tolist()
    )
    return Answers(found.ranked, found.options, found.scores)
