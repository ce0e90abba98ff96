"""A text's topic is the nearest centroid, or none."""

from __future__ import annotations

import json

import numpy as np
import pytest

from jarvis_resources.errors import ReleaseError
from jarvis_serving.understanding.topics import NOISE, TopicModel

VECTORS = np.array([[1, 0, 0], [0.8, 0.6, 0], [0, 0, 1], [0, 1, 0]], np.float32)


@pytest.fixture
def topics() -> TopicModel:
    return TopicModel.from_members(VECTORS, [4, 4, 7, NOISE], {4: "lunch · tacos", 7: "exam"})


def test_the_nearest_topic_is_assigned_with_its_cosine(topics: TopicModel):
    ids, confidence = topics.assign(np.array([[0.95, 0.3, 0], [0, 0.1, 0.99]], np.float32))
    assert ids.tolist() == [4, 7]
    assert confidence[1] == pytest.approx(0.99, abs=0.01)


def test_what_is_near_no_topic_is_noise(topics: TopicModel):
    ids, confidence = topics.assign(np.array([[-0.9, 0.1, 0.1]], np.float32))
    assert ids.tolist() == [NOISE]
    assert 0.0 <= confidence[0] <= 1.0


def test_topics_have_names_and_noise_has_none(topics: TopicModel):
    assert topics.name(7) == "exam"
    assert topics.name(NOISE) is None


def test_without_topics_everything_is_noise():
    none = TopicModel.from_members(VECTORS, [NOISE] * 4, {})
    ids, confidence = none.assign(VECTORS)
    assert ids.tolist() == [NOISE] * 4
    assert confidence.tolist() == [0.0] * 4
    again = TopicModel.from_json(json.loads(json.dumps(none.to_json())))
    assert again.assign(VECTORS)[0].tolist() == [NOISE] * 4


def test_stored_topics_assign_as_before(topics: TopicModel):
    again = TopicModel.from_json(json.loads(json.dumps(topics.to_json())))
    assert again.names == topics.names
    assert again.assign(VECTORS)[0].tolist() == topics.assign(VECTORS)[0].tolist()


def test_damaged_topics_are_refused(topics: TopicModel):
    with pytest.raises(ReleaseError):
        TopicModel.from_json(topics.to_json() | {"centroids": [[1.0]]})
