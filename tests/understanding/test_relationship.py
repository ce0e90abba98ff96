"""Who a person is to the owner shows in how the two write."""

from __future__ import annotations

import pandas as pd
import pytest

from jarvis_resources import tables
from jarvis_serving.understanding import relationship

START = pd.Timestamp("2024-03-04 15:00", tz="UTC")

TALK = {
    "friend": (["yo u up for games tn", "lmaooo bro", "dude that was wild", "haha omg", "wanna grab food later", "bet"],
               ["lol yes", "im down bro", "omg same", "haha u wish", "gonna be late", "lmao"]),
    "mother": (["Hi sweetie, are you coming home for dinner?", "Your dad says hi", "Love you", "Call me when you can honey",
                "Grandma is asking about you", "Did you eat?"],
               ["hi mom", "love you mom", "yes mom", "ok mom", "miss you guys", "thanks mom"]),
    "colleague": (["Please review the attached contract", "The client meeting moved to 3pm", "Can you send the report by Friday?",
                   "Thank you for the update on the project", "The deadline is Monday", "Standup in 5"],
                  ["Sure, will send the deck shortly", "I'll confirm with the team", "Thank you for the invoice",
                   "The report is in the project folder", "Meeting room is booked", "Please find the proposal attached"]),
    "plumber": (["Hello, I can come by on Tuesday", "It will be about an hour", "Ok, see you then", "I am here", "It is fixed", "You are welcome"],
                ["Hello, the sink is leaking", "Tuesday is good", "Ok", "The door is open", "Thank you", "Great"]),
    "stranger": (["hi is the bike still available"], ["yes"]),
}  # fmt: skip
NAMES = {"friend": "Jo", "mother": "Mom", "colleague": None, "plumber": "Sam Pipes", "stranger": None}


@pytest.fixture(scope="module")
def profiles() -> pd.DataFrame:
    rows = []
    for person, (theirs, mine) in TALK.items():
        repeats = 1 if person == "stranger" else 4
        for step in range(repeats * len(theirs)):
            at = START + pd.Timedelta(hours=6 * step)
            rows.append((person, False, at, theirs[step % len(theirs)]))
            rows.append((person, True, at + pd.Timedelta(seconds=60), mine[step % len(mine)]))
    people = pd.DataFrame({"person_id": [*TALK, "silent"], "display_name": [*NAMES.values(), None]})
    messages = pd.DataFrame(rows, columns=["conversation_id", "is_from_me", "sent_at", "text"]).assign(kind="normal")
    messages.loc[len(messages)] = ["friend", True, START, "Loved “haha”", "tapback"]
    conversations = pd.DataFrame(
        {
            "conversation_id": list(TALK),
            "is_group": False,
            "is_self": False,
            "person_ids": [[person] for person in TALK],
        }
    )
    return relationship.profile(messages, people, conversations).set_index("person_id", drop=False)


def test_the_table_is_valid_and_has_everybody(profiles: pd.DataFrame):
    assert tables.violations(tables.CONTACT_PROFILES, profiles.reset_index(drop=True)) == []
    assert profiles["person_id"].tolist() == [*TALK, "silent"]


@pytest.mark.parametrize(
    ("person", "expected"),
    [("friend", "CLOSE_FRIEND"), ("mother", "FAMILY"), ("colleague", "PROFESSIONAL"), ("plumber", "ACQUAINTANCE")],
)
def test_the_relationship_shows_in_the_wording(profiles: pd.DataFrame, person: str, expected: str):
    assert profiles.loc[person, "relationship"] == expected
    assert 0.25 < profiles.loc[person, "relationship_conf"] <= 1.0


def test_a_few_messages_say_nothing(profiles: pd.DataFrame):
    assert profiles.loc["stranger", "relationship"] == "UNKNOWN"
    assert profiles.loc["stranger", "relationship_conf"] == 0.0
    assert profiles.loc["silent", "relationship"] == "UNKNOWN"
    assert profiles.loc["silent", "message_count"] == 0


def test_habits_are_counted_from_ordinary_messages_alone(profiles: pd.DataFrame):
    assert profiles.loc["friend", "message_count"] == 48
    assert profiles.loc["friend", "my_share"] == pytest.approx(0.5)
    assert profiles.loc["friend", "median_reply_seconds"] == pytest.approx(60.0)
    assert profiles.loc["colleague", "their_mean_characters"] > profiles.loc["friend", "their_mean_characters"]


def test_an_empty_history_gives_empty_profiles():
    found = relationship.profile(tables.MESSAGES.empty(), tables.PEOPLE.empty(), tables.CONVERSATIONS.empty())
    assert len(found) == 0
    assert tables.violations(tables.CONTACT_PROFILES, found) == []
