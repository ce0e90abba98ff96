"""A small history written for these tests, mined by hand into a bank with the real encoder and the real classifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jarvis_assets.dialogue_acts import training
from jarvis_resources import tables
from jarvis_resources.encoders import Encoder, load_encoder
from jarvis_resources.settings import Settings, load_settings
from jarvis_resources.vector_index import VectorIndex
from jarvis_serving.bank import Bank, shared_words
from jarvis_serving.normalise import pair_id
from jarvis_serving.understanding.dialogue_acts import DialogueActModel

PEOPLE = ("Ana Ruiz", "Ben Okafor", "Cleo Marsh", "Dev Patel", "Eve Lindt")
"""p0 … p4. p4 hardly ever writes."""

SAID_TO_ALL = (
    ("want to get lunch tomorrow?", "sounds good to me!"),
    ("are you free for dinner later?", "can't tonight, sorry"),
    ("wanna come over and watch a movie?", "let me check and get back to you"),
    ("could you call me later?", "sure, no problem"),
    ("i passed my exam!!", "that's amazing, congrats!"),
    ("my cat is really sick", "oh no, i'm so sorry"),
    ("hey you", "hey! how are you?"),
    ("did you see the game?", "not yet, was it good?"),
    ("i'm on my way", "ok see you soon"),
)
"""Exchanges that happened with everybody but p4."""

OWN: dict[int, tuple[tuple[str, str], ...]] = {
    0: (
        ("where shall we meet?", "at the old mill by the river"),
        ("what's the gate code?", "the code is 4711"),
        ("want pizza or sushi?", "sushi please, always sushi"),
    ),
    1: (("how much do i owe you?", "you owe me 100"), ("is the flat still free?", "yes, Marta said it is")),
    2: (("how much was it?", "it was $250 all in"),),
    4: (("hello, is this the right number?", "yes it is"),),
}

Rows = Sequence[tuple[str, str, str]]
"""(person_id, trigger, response)."""


@pytest.fixture(scope="session")
def session_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings on a home that the whole session shares; there is no chat.db."""
    home: Path = tmp_path_factory.mktemp("serving") / "home"
    return load_settings(home=home, chat_db=home / "chat.db", threads=1).prepare()


@pytest.fixture(scope="session")
def encoder(session_settings: Settings) -> Encoder:
    """The default encoder, exported once."""
    return load_encoder("all-minilm-l6-v2", settings=session_settings)


@pytest.fixture(scope="session")
def acts(encoder: Encoder) -> DialogueActModel:
    """The classifier, trained on our exemplars."""
    return training.train(lambda texts: encoder.encode(list(texts)), encoder.fingerprint, None).model


@pytest.fixture(scope="session")
def history() -> list[tuple[str, str, str]]:
    """Everything that was said: (person_id, trigger, response)."""
    rows = [(f"p{person}", said, reply) for person in range(4) for said, reply in SAID_TO_ALL]
    return rows + [(f"p{person}", said, reply) for person, own in OWN.items() for said, reply in own]


@pytest.fixture(scope="session")
def make_bank(encoder: Encoder, acts: DialogueActModel) -> Callable[..., Bank]:
    """Makes a bank from (person_id, trigger, response) rows; the classifier labels them."""

    def make(rows: Rows, *, min_people: int = 3, templates: pd.DataFrame | None = None) -> Bank:
        pairs = pd.DataFrame(rows, columns=["person_id", "trigger_text", "response_text"]).astype("str")
        # A number keeps equal exchanges with several people apart, as later dates would.
        pairs["pair_id"] = [pair_id(f"{i} {said}", reply) for i, (_, said, reply) in enumerate(rows)]
        pairs["conversation_id"] = "d" + pairs["person_id"]
        pairs["is_group"] = False
        pairs["occurrences"] = 1
        start = pd.Timestamp("2026-01-01", tz="UTC").as_unit("us")
        pairs["responded_at"] = start + pd.to_timedelta(np.arange(len(pairs)), unit="h")
        triggers, responses = pairs["trigger_text"].tolist(), pairs["response_text"].tolist()
        vectors = np.stack([encoder.encode(triggers), encoder.encode(responses)], axis=1)
        pairs["trigger_da_type"] = acts.triggers(vectors[:, 0], triggers).types
        pairs["response_da_type"] = acts.responses(vectors[:, 1], responses, vectors[:, 0], triggers).types
        pairs["topic_name"] = "plans, food"
        people, profiles = _people(pairs)
        return Bank(
            pairs, vectors.astype(np.float16), VectorIndex.build(vectors[:, 0]),
            tables.REPLY_TEMPLATES.empty() if templates is None else templates, people, profiles, acts,
            shared_words(pairs, min_people), min_people=min_people,
        )  # fmt: skip

    return make


@pytest.fixture(scope="session")
def bank(make_bank: Callable[..., Bank], history: Rows) -> Bank:
    """The bank of the whole small history."""
    return make_bank(history)


def _people(pairs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """PEOPLE and CONTACT_PROFILES: everybody in PEOPLE; p4 has two messages, the others twenty for each pair."""
    if pairs.empty:
        return tables.PEOPLE.empty(), tables.CONTACT_PROFILES.empty()
    ids = [f"p{number}" for number in range(len(PEOPLE))]
    last = pairs["responded_at"].max()
    people = pd.DataFrame({
        "person_id": ids,
        "handles": [[f"+1555010000{number}"] for number in range(len(ids))],
        "services": [["iMessage"]] * len(ids),
        "display_name": PEOPLE,
        "is_automated": False,
        "message_count": 20,
        "first_at": pairs["responded_at"].min(),
        "last_at": [last - pd.Timedelta(days=number) for number in range(len(ids))],
    })  # fmt: skip
    profiles = pd.DataFrame({
        "person_id": ids, "display_name": PEOPLE, "message_count": [200, 180, 160, 140, 2], "my_share": 0.5,
        "my_mean_characters": 20.0, "their_mean_characters": 20.0, "my_emoji_rate": 0.1,
        "median_reply_seconds": 60.0, "relationship": "CLOSE_FRIEND", "relationship_conf": 0.8,
    })  # fmt: skip
    return tables.PEOPLE.conform(people), tables.CONTACT_PROFILES.conform(profiles)
