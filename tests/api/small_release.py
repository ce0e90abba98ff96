"""A small history written by hand, labelled, indexed and published as a real release: three friends, one owner."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from jarvis_assets.dialogue_acts import fitting
from jarvis_assets.dialogue_acts.labelling import label_pairs
from jarvis_assets.release.contents import assemble_bank
from jarvis_resources import releases, tables
from jarvis_resources.encoders import Encoder, load_encoder
from jarvis_resources.releases import Release
from jarvis_resources.settings import Settings
from jarvis_resources.tables import RESPONSE_TYPES, TRIGGER_ACTS
from jarvis_resources.vector_index import VectorIndex
from jarvis_serving.bank import Bank
from jarvis_serving.calibration import Calibration
from jarvis_serving.normalise import pair_id
from jarvis_serving.understanding import exemplars
from jarvis_serving.understanding.dialogue_acts import DialogueActModel
from jarvis_serving.understanding.linear_head import LinearHead, structure_scales

FRIENDS = {"p1": ("Ana Ruiz", "+15550100"), "p2": ("Bo Lind", "+15550101"), "p3": ("Cy Okafor", "+15550102")}
EVERYBODY = (
    ("want to get lunch tomorrow?", "sounds good to me"),
    ("dinner tonight?", "can't tonight sorry"),
    ("are you free this weekend", "let me check and get back to you"),
    ("i passed the exam!!", "omg congrats!!"),
    ("hey", "hey you"),
)
OWN = {
    "p1": ("what's the wifi at yours", "it's called Kestrel, ask me for the rest"),
    "p2": ("where do we meet", "at Delphine's place at 7"),
    "p3": ("who won", "the Hawthorns, 4 to 1"),
}
"""What was said to one friend alone and may reach nobody else."""


def _pairs() -> pd.DataFrame:
    rows = []
    for person in FRIENDS:
        for trigger, response in (*EVERYBODY, OWN[person]):
            # The friend's own punctuation keeps the three exchanges apart as pairs.
            said = trigger + {"p1": "", "p2": " :)", "p3": " haha"}[person]
            at = pd.Timestamp("2026-03-01", tz="UTC") + pd.Timedelta(hours=len(rows))
            number = len(rows)
            rows.append(
                {
                    "pair_id": pair_id(said, response),
                    "source": "gold",
                    "confidence": 0.9,
                    "trigger_guid": f"t{number}",
                    "response_guid": f"r{number}",
                    "trigger_guids": [f"t{number}"],
                    "response_guids": [f"r{number}"],
                    "trigger_text": said,
                    "trigger_turn_text": said,
                    "response_text": response,
                    "context": [],
                    "context_text": "",
                    "conversation_id": f"d-{person}",
                    "person_id": person,
                    "is_group": False,
                    "trigger_at": at,
                    "responded_at": at + pd.Timedelta(minutes=2),
                    "reply_seconds": 120.0,
                    "occurrences": 1,
                    "coherence": 0.3,
                    "occurrence_guids": [f"r{number}"],
                }
            )
    return tables.PAIRS.conform(pd.DataFrame(rows))


def _acts(encoder: Encoder) -> DialogueActModel:
    """A classifier of vectors alone, fitted once: good enough for plain sentences, and quick beside the real training."""
    incoming, said = exemplars.triggers(), exemplars.replies()

    def learn(
        texts: list[str], labels: list[str], classes: tuple[str, ...], groups: list[str], previous: np.ndarray | None
    ) -> LinearHead:
        vectors = encoder.encode(texts)
        structure = np.zeros((len(texts), len(structure_scales())), np.float32)
        columns = np.array([classes.index(label) for label in labels], np.int64)
        words: list[list[str]] = [[] for _ in texts]
        return fitting.fit(fitting.Examples(vectors, structure, words, previous, columns, groups), classes)

    acts = learn([e.text for e in incoming], [e.act for e in incoming], TRIGGER_ACTS, [e.group for e in incoming], None)
    before = [e.trigger for e in said]
    nothing = np.zeros((len(said), len(structure_scales())), np.float32)
    previous = acts.probabilities(encoder.encode(before), nothing, [[] for _ in before], None)
    types = learn(
        [e.text for e in said],
        [e.response_type for e in said],
        RESPONSE_TYPES,
        [e.group for e in said],
        previous.astype(np.float32),
    )
    return DialogueActModel(
        trigger=acts,
        response=types,
        act_by_vector=acts,
        abstain_below=0.3,
        trigger_abstain_below=0.3,
        encoder_fingerprint=encoder.fingerprint,
    )


def _bank(settings: Settings) -> tuple[Bank, str]:
    encoder = load_encoder(settings.serving_encoder, settings=settings)
    model = _acts(encoder)
    pairs = _pairs()
    texts = [text for both in zip(pairs["trigger_text"], pairs["response_text"], strict=True) for text in both]
    vectors = encoder.encode(texts).reshape(len(pairs), 2, -1)
    topics = tables.RESPONSE_TOPICS.conform(
        pd.DataFrame(
            {
                "pair_id": pairs["pair_id"],
                "cluster_id": 0,
                "cluster_conf": 1.0,
                "topic_name": "plans",
                "map_x": 0.0,
                "map_y": 0.0,
            }
        )
    )
    last = pd.Timestamp("2026-03-02", tz="UTC")
    people = tables.PEOPLE.conform(
        pd.DataFrame(
            [
                {
                    "person_id": person,
                    "handles": [handle],
                    "services": ["iMessage"],
                    "display_name": name,
                    "is_automated": False,
                    "message_count": 100,
                    "first_at": last,
                    "last_at": last,
                }
                for person, (name, handle) in FRIENDS.items()
            ]
        )
    )
    profiles = tables.CONTACT_PROFILES.conform(
        pd.DataFrame(
            [
                {
                    "person_id": person,
                    "display_name": name,
                    "message_count": 200,
                    "my_share": 0.5,
                    "my_mean_characters": 20.0,
                    "their_mean_characters": 20.0,
                    "my_emoji_rate": 0.1,
                    "median_reply_seconds": 60.0,
                    "relationship": "CLOSE_FRIEND",
                    "relationship_conf": 0.8,
                }
                for person, (name, _) in FRIENDS.items()
            ]
        )
    )
    small = vectors.astype("float16")
    acts = label_pairs(model, pairs, small, topics)
    bank = assemble_bank(
        pairs, small, VectorIndex.build(vectors[:, 0]), acts, topics, model.to_json(), people, profiles, settings
    )
    return bank, encoder.fingerprint


def publish_small_release(settings: Settings) -> Release:
    """Learn, label and publish; the release that ``Suggester.load(settings)`` then finds."""
    bank, fingerprint = _bank(settings)

    def fill(folder: Path) -> None:
        bank.save(folder)
        Calibration.untrained().save(folder)

    manifest = {
        "serving_encoder": settings.serving_encoder,
        "fingerprint": fingerprint,
        "encoder_fingerprint": fingerprint,
    }
    return releases.publish(settings.releases, fill, manifest)
