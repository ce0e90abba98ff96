"""Several intents at once, the most pressing first."""

from __future__ import annotations

import pytest
from scoring import macro_f1, majority_floor

from jarvis_serving.understanding import intent

LABELLED = [
    ("can you grab my mail", "REQUEST"), ("send me the recipe please", "REQUEST"), ("please call the school", "REQUEST"),
    ("could you watch the kids on friday?", "REQUEST"), ("remind me to email her", "REQUEST"),
    ("want to come over for dinner?", "INVITATION"), ("let's grab coffee this week", "INVITATION"), ("you're invited to our housewarming", "INVITATION"),
    ("wanna see a movie tonight", "INVITATION"), ("come hang with us", "INVITATION"),
    ("what time should we leave?", "PLAN_QUESTION"), ("when are you free?", "PLAN_QUESTION"), ("where should we meet", "PLAN_QUESTION"),
    ("what day works for you", "PLAN_QUESTION"),
    ("did you feed the dog?", "QUESTION"), ("why is he mad", "QUESTION"), ("are you home?", "QUESTION"), ("how was the dentist", "QUESTION"),
    ("is the store open?", "QUESTION"), ("who won", "QUESTION"),
    ("what do you think of this couch?", "OPINION"), ("thoughts?", "OPINION"), ("do you think i should quit?", "OPINION"), ("is it worth the money", "OPINION"),
    ("my uncle passed away", "BAD_NEWS"), ("i got laid off", "BAD_NEWS"), ("we broke up", "BAD_NEWS"), ("she's in the hospital", "BAD_NEWS"),
    ("i got the job!!", "GOOD_NEWS"), ("we won!!", "GOOD_NEWS"), ("she said yes!", "GOOD_NEWS"), ("great news about the house", "GOOD_NEWS"),
    ("so sorry about yesterday", "APOLOGY"), ("my bad", "APOLOGY"), ("sorry i missed your call", "APOLOGY"),
    ("thanks so much", "THANKS"), ("thank you for dinner", "THANKS"), ("ty!!", "THANKS"), ("really appreciate it", "THANKS"),
    ("hey!", "GREETING"), ("good morning", "GREETING"), ("hi there", "GREETING"), ("happy birthday!!", "GREETING"),
    ("bye!", "FAREWELL"), ("see you tomorrow", "FAREWELL"), ("gtg", "FAREWELL"), ("talk later", "FAREWELL"),
    ("ok", "ACKNOWLEDGEMENT"), ("lol", "ACKNOWLEDGEMENT"), ("got it", "ACKNOWLEDGEMENT"), ("sounds good", "ACKNOWLEDGEMENT"),
    ("i'm at the store", "STATEMENT"), ("the movie was long", "STATEMENT"), ("just finished dinner", "STATEMENT"), ("they moved the meeting", "STATEMENT"),
    ("there's been an accident, call me now", "EMERGENCY"), ("i need an ambulance", "EMERGENCY"),
]  # fmt: skip


def test_labelled_messages_have_their_first_intent():
    true = [label for _, label in LABELLED]
    found = [intent.detect(text)[0].name for text, _ in LABELLED]
    assert macro_f1(true, found) >= 0.75
    assert macro_f1(true, found) >= majority_floor(true) + 0.15


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("thanks for dinner! want to go again next week?", ["INVITATION", "THANKS"]),
        ("i got the job!!\nwhen can we celebrate?", ["PLAN_QUESTION", "GOOD_NEWS"]),
        ("sorry i'm late. can you save me a seat?", ["REQUEST", "APOLOGY"]),
        ("hey! what time should i come?", ["PLAN_QUESTION", "GREETING"]),
    ],
)
def test_several_intents_come_in_order_of_priority(text: str, names: list[str]):
    assert [found.name for found in intent.detect(text)] == names


def test_sympathy_is_no_apology():
    assert "APOLOGY" not in [found.name for found in intent.detect("so sorry for your loss")]


def test_an_empty_text_has_no_intent():
    assert intent.detect("") == []
    assert intent.detect(" \n ") == []


def test_every_intent_has_a_share_of_confidence_and_a_place_in_the_order():
    for text, _ in LABELLED:
        for found in intent.detect(text):
            assert found.name in intent.PRIORITY
            assert 0.0 < found.confidence <= 1.0
