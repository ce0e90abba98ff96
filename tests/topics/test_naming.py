"""A topic's name tells it from the others."""

from __future__ import annotations

import numpy as np

from jarvis_assets.topics.naming import name_topics


def test_a_topic_is_named_by_the_words_that_the_others_lack():
    texts = ["dinner tonight, pasta for dinner", "pasta again tonight", "train is late tonight", "my train, late again"]
    names = name_topics(texts, np.array([0, 0, 1, 1]), words=2)
    assert set(names[0].split(" · ")) == {"pasta", "dinner"}
    assert set(names[1].split(" · ")) == {"train", "late"}


def test_noise_has_no_name():
    assert set(name_topics(["pasta", "train", "boat"], np.array([0, -1, 1]))) == {0, 1}
    assert name_topics(["pasta"], np.array([-1])) == {}
    assert name_topics([], np.empty(0, np.int64)) == {}


def test_no_two_topics_share_a_name():
    texts = ["red blue green pink", "red blue green gold", "red blue green"]
    names = name_topics(texts, np.array([0, 1, 2]))
    assert len(set(names.values())) == 3


def test_a_topic_without_a_word_is_named_by_its_number():
    assert name_topics(["👍", "😂😂", "pasta"], np.array([0, 0, 1])) == {0: "topic 0", 1: "pasta"}
    assert name_topics(["👍", "!!"], np.array([3, 3])) == {3: "topic 3"}
