"""What a topic is called: the words that tell it from the others, by c-TF-IDF.

The formula is BERTopic's: all replies of a topic are one document, and a word's weight is its share of that document
times log(1 + mean words per topic / the word's count everywhere). Names are made of message text and are masked like it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORDS = 3
"""Words in a name (count)."""
_SEPARATOR = " · "
_LEAST_USES = 2
"""Uses of a word within a topic before it may name it: one use is an accident."""


def name_topics(texts: Sequence[str], ids: NDArray[np.int64], *, words: int = WORDS) -> dict[int, str]:
    """A distinct name for each topic in ``ids`` (−1, noise, has none), from its replies ``texts``.

    A topic without a word (emoji only) is named by its number.
    """
    topics = np.unique(ids[ids >= 0])
    if not len(topics):
        return {}
    from scipy import sparse
    from sklearn.feature_extraction.text import CountVectorizer

    members = np.flatnonzero(ids >= 0)
    row = np.searchsorted(topics, ids[members])
    # Single letters and digits tell nothing; the stop words are scikit-learn's English ones.
    vectorizer = CountVectorizer(stop_words="english", token_pattern=r"(?u)\b[^\W\d_][\w'’]+\b")
    try:
        counts = vectorizer.fit_transform([texts[int(member)] for member in members])
    except ValueError:  # scikit-learn's way of saying that there is not one word
        return {int(topic): _number(topic) for topic in topics}
    to_topic = sparse.csr_matrix((np.ones(len(row)), (row, np.arange(len(row)))), shape=(len(topics), len(row)))
    uses = (to_topic @ counts).tocsr()
    everywhere = np.asarray(uses.sum(axis=0)).ravel()
    length = np.asarray(uses.sum(axis=1)).ravel()
    rarity = np.log1p(length.mean() / everywhere)
    vocabulary = vectorizer.get_feature_names_out()
    names: dict[int, str] = {}
    taken: set[str] = set()
    for number, topic in enumerate(topics):
        start, end = uses.indptr[number], uses.indptr[number + 1]
        columns, count = uses.indices[start:end], uses.data[start:end]
        weight = np.where(count >= _LEAST_USES, 1.0, 1e-6) * count * rarity[columns]
        ranked = vocabulary[columns[np.lexsort((vocabulary[columns], -weight))]]
        names[int(topic)] = name = _unused(ranked, words, taken) or _number(topic)
        taken.add(name)
    return names


def _unused(ranked: NDArray[np.str_], words: int, taken: set[str]) -> str:
    """The first ``words`` words joined, with as many more as it takes to differ from the names taken; empty: none."""
    for length in range(words, max(words, len(ranked)) + 1):
        name = _SEPARATOR.join(ranked[:length])
        if name and name not in taken:
            return name
    return ""


def _number(topic: int) -> str:
    return f"topic {topic}"
