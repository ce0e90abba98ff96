"""Structural features of a message: what its wording and shape say without an encoder.

One row of small numbers per text: length and marks, which lexical families its words belong to (wh-words, auxiliaries,
agreement, refusal, deferral, sympathy, joy, news …), how it begins, and what the rules of ``rules`` say. They are
inputs of the classifiers in ``dialogue_acts`` and work in any conversation; nothing here is learned.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jarvis_resources.tables import RESPONSE_TYPES, TRIGGER_ACTS
from jarvis_serving.understanding.rules import response_type_of_words, trigger_act_of_words
from jarvis_serving.understanding.wording import tokens

if TYPE_CHECKING:
    import numpy as np

_FAMILIES: dict[str, str] = {
    "wh": "what when where who why how which whose whom",
    "auxiliary": "do does did are is am was were have has had will would can could should shall may might",
    "second_person": "you your yours yourself",
    "first_person": "i me my mine myself",
    "we": "we us our ours",
    "third_person": "he she they him her them his their it",
    "yes": "yes yeah yep mhm sure absolutely definitely totally obviously course bet agreed deal exactly",
    "no": "no not never none unfortunately nobody neither",
    "can_not": "unable busy slammed swamped booked conflict broke",
    "maybe": "maybe possibly perhaps probably might hopefully depends tentatively pending unsure",
    "check": "check ask see confirm calendar schedule later find decide think",
    "thanks": "thanks thank appreciate appreciated cheers",
    "please": "please",
    "sorry": "sorry apologies apologize",
    "greeting": "hey hi hello yo hiya howdy morning evening hola",
    "bye": "bye later night goodbye",
    "laugh": "haha <laugh>",
    "ok": "ok alright cool noted understood received got perfect",
    "joy": "congratulations yay woohoo proud amazing awesome excited love incredible legend huge happy <party> <heart>",
    "grief": "sorry sad awful terrible sucks oh aw rip poor hugs prayers heartbreaking <sad>",
    "praise": "good great nice best cute beautiful fun better loved perfect hot fire",
    "dislike": "hate bad boring worst weird overrated ugly mid",
    "invite": "join party dinner lunch drinks coffee brunch movie concert game hang invited tickets weekend come",
    "want": "want like love wish need",
    "let_us": "let together",
    "task": "send pick grab bring call text help drop borrow lend take get remind cover share review forward turn buy",
    "time_word": "today tomorrow tonight now soon monday tuesday wednesday thursday friday saturday sunday weekend "
    "week month <time> o'clock",
    "place": "home work school gym store house outside here there place office parking downtown",
    "opinion": "think thoughts opinion feel take believe honest worth should",
    "win": "won passed got promoted accepted engaged pregnant married finally win upgraded raise aced",
    "loss": "died failed fired lost broke broken dumped cancelled sick hospital cancer stolen crashed towed divorced "
    "rejected passed hurt crying worst funeral",
    "because": "because since so",
    "number": "<number> <time> <mixed> <money>",
    "link": "<link>",
    "picture": "<laugh> <sad> <thumb> <thumbdown> <party> <heart> <smile> <unsure> <wave> <sign>",
    "thumb": "<thumb>",
    "reference": "that this those these it one same there",
    "deferred": "let know will try",
    "imperative": "send call text tell bring take put move check ask look go answer print sign use add save try pick grab "
    "get wait hold stop delete open close lock turn clean feed wake help give show make book order pay keep "
    "hurry stay leave forward share remind drop start fill please be do not come",
    "past": "got was were had did went said told made saw took found came left ate bought gave finished started called "
    "picked dropped lost won passed failed died broke",
    "harm": "hurt pain sick ill crash accident scammed stole robbed denied rejected failed lost killed worse worst ugh "
    "hospital surgery fever broken sprained dumped cheated fight alone crying depressed stressed evicted flooded "
    "died passed cancelled postponed hate sucks sucked miserable worried scared",
    "success": "passed accepted approved promoted hired offer published scholarship graduated graduating finally yay won "
    "scored clear clean negative benign engaged married pregnant adopted bought sold sober relieved upgraded "
    "award record milestone success published renewed",
}
_FIRST = (
    "wh",
    "auxiliary",
    "second_person",
    "first_person",
    "we",
    "yes",
    "no",
    "maybe",
    "thanks",
    "please",
    "greeting",
    "ok",
    "joy",
    "grief",
    "let_us",
    "task",
    "third_person",
    "imperative",
)
"""Families that say something else when the text begins with them."""
_SHAPE = (
    "log_words",
    "one_word",
    "question_mark",
    "ends_with_question",
    "exclamations",
    "many_exclamations",
    "dots",
    "shouted",
    "only_pictures",
    "lines",
    "empty",
)

FEATURES: tuple[str, ...] = (
    *_SHAPE,
    *(f"has_{name}" for name in _FAMILIES),
    *(f"first_{name}" for name in _FIRST),
    *(f"rule_trigger_{name}" for name in TRIGGER_ACTS),
    *(f"rule_response_{name}" for name in RESPONSE_TYPES),
)
"""Names of the columns of ``features``, in order."""

_COLUMN = {name: column for column, name in enumerate(FEATURES)}


def _families_of_words() -> tuple[dict[str, tuple[int, ...]], dict[str, tuple[int, ...]]]:
    """word → columns of the families it belongs to, anywhere in a text and as its first word."""
    anywhere: dict[str, tuple[int, ...]] = {}
    first: dict[str, tuple[int, ...]] = {}
    for family, words in _FAMILIES.items():
        for word in words.split():
            anywhere[word] = (*anywhere.get(word, ()), _COLUMN[f"has_{family}"])
            if family in _FIRST:
                first[word] = (*first.get(word, ()), _COLUMN[f"first_{family}"])
    return anywhere, first


_ANYWHERE, _AT_START = _families_of_words()
_MARKS = frozenset({"?", "!", "<dots>"})
_LONG = 40
"""Words beyond which a longer text says nothing more about its type."""


def response_type(text: str) -> str | None:
    """Response type that the wording alone gives away, or None; the precision is measured by the training report."""
    return response_type_of_words(tokens(text))


def trigger_act(text: str) -> str | None:
    """Trigger act that the wording alone gives away, or None; the precision is measured by the training report."""
    return trigger_act_of_words(tokens(text))


def features(texts: Sequence[str]) -> np.ndarray:
    """Structural features of ``texts``: float32 [n, len(FEATURES)], each within 0–1."""
    return features_of_words(texts, [tokens(text) for text in texts])


def features_of_words(texts: Sequence[str], words: Sequence[Sequence[str]]) -> np.ndarray:
    """``features`` where the canonical words of ``texts`` are at hand."""
    import numpy as np

    rows: list[int] = []
    columns: list[int] = []
    shape = np.zeros((len(texts), len(_SHAPE)), np.float32)
    # A loop over texts: each is a handful of dictionary look-ups, which no array operation on strings does faster.
    for row, (text, said) in enumerate(zip(texts, words, strict=True)):
        found: set[int] = set()
        for word in said:
            found.update(_ANYWHERE.get(word, ()))
        if said:
            found.update(_AT_START.get(said[0], ()))
        if act := trigger_act_of_words(said):
            found.add(_COLUMN[f"rule_trigger_{act}"])
        if answer := response_type_of_words(said):
            found.add(_COLUMN[f"rule_response_{answer}"])
        rows.extend([row] * len(found))
        columns.extend(found)
        shape[row] = _shape(text, said)
    matrix = np.zeros((len(texts), len(FEATURES)), np.float32)
    matrix[rows, columns] = 1.0
    matrix[:, : len(_SHAPE)] = shape
    return matrix


def _shape(text: str, words: Sequence[str]) -> tuple[float, ...]:
    """The columns ``_SHAPE`` of one text."""
    from math import log1p

    exclamations = words.count("!")
    spoken = [word for word in words if word not in _MARKS]
    last = next((word for word in reversed(words) if not word.startswith("<") and word != "!"), "")
    return (
        min(log1p(len(spoken)) / log1p(_LONG), 1.0),
        float(len(spoken) == 1),
        float("?" in words),
        float(last == "?"),
        float(exclamations > 0),
        float(exclamations > 1),
        float("<dots>" in words),
        float(text.isupper() and len(text) > 3),
        float(bool(words) and all(word.startswith("<") for word in words)),
        min(text.count("\n") / 4.0, 1.0),
        float(not words),
    )
