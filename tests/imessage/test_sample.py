"""The synthetic chat.db: what is said is rich enough to learn from, and its truth is true."""

from __future__ import annotations

import plistlib
import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from random import Random

import pytest
from handmade import frame
from written_sample import ROWS, Sample, default_sample, unarchived

from jarvis_resources import tables
from jarvis_resources.imessage.contacts import read_contacts
from jarvis_resources.imessage.messages import read_history
from jarvis_resources.imessage.sample import grammar, situations, texts
from jarvis_resources.imessage.sample.personas import OWNER_EMAIL, OWNER_PHONE
from jarvis_serving.normalise import key_text


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return default_sample(tmp_path_factory)


@pytest.fixture(scope="module")
def database(sample: Sample) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(sample.report.path)) as connection:
        yield connection


# Words


def test_twenty_thousand_messages_hold_eleven_thousand_texts_and_ten_thousand_wordings(sample: Sample) -> None:
    spoken = [record["text"] for record in sample.said()]
    assert len(set(spoken)) == sample.report.distinct_texts > 11_000
    assert len({key_text(text) for text in spoken}) > 9_500


def test_short_replies_come_back_with_many_people_as_in_life(sample: Sample) -> None:
    with_whom = defaultdict(set)
    for record in sample.said(sender="me"):
        if answered := sample.truth.get(record["reply_to"] or ""):
            with_whom[key_text(record["text"])].add(answered["sender"])
    shared = [text for text, people in with_whom.items() if len(people) >= 3]
    assert len(shared) > 150
    assert {"sounds good", "of course", "let me check", "oh no"} <= set(shared)


@pytest.mark.parametrize("act", ["INVITATION", "REQUEST", "YN_QUESTION"])
def test_what_asks_for_a_commitment_is_agreed_to_declined_and_put_off(sample: Sample, act: str) -> None:
    types = Counter(
        record.get("response_type") for record in sample.said(sender="me")
        if record["reply_to"] and sample.truth[record["reply_to"]].get("trigger_act") == act
    )  # fmt: skip
    assert types["AGREE"] > types["DECLINE"] > 30
    assert min(types["DEFER"], types["QUESTION"]) > 15


def test_every_act_and_every_response_type_occurs_among_the_right_labels(sample: Sample) -> None:
    acts = Counter(record["trigger_act"] for record in sample.said() if record.get("trigger_act"))
    types = Counter(record["response_type"] for record in sample.said(sender="me") if record.get("response_type"))
    assert set(acts) == set(tables.TRIGGER_ACTS)
    assert set(types) == set(tables.RESPONSE_TYPES)
    assert min(acts.values()) > 100
    assert min(types.values()) > 40


def test_the_owner_writes_small_to_friends_and_in_sentences_at_work(sample: Sample) -> None:
    def lower(names: set[str]) -> float:
        spoken = [
            record["text"] for record in sample.said(sender="me")
            if record["conversation"] in names and record["text"][:1].isalpha()
        ]  # fmt: skip
        return sum(text[0].islower() for text in spoken) / len(spoken)

    assert lower({"dm-p002", "dm-p003", "dm-p004"}) > 0.8  # close friends
    assert lower({"dm-p032", "dm-p033", "dm-p034"}) < 0.2  # colleagues


def test_more_than_forty_contacts_and_ten_groups_with_a_skewed_volume(sample: Sample) -> None:
    volume = Counter(record["conversation"] for record in sample.said() if record["conversation"])
    people = [count for name, count in volume.items() if re.fullmatch(r"dm-p\d+", name)]
    groups = {record["conversation"] for record in sample.said(is_group=True)}
    assert len(people) >= 40
    assert len(groups) >= 10
    assert max(people) > 8 * sorted(people)[len(people) // 2]


def test_a_slot_keeps_its_word_and_a_numbered_slot_is_another() -> None:
    for seed in range(50):
        bindings: grammar.Bindings = {}
        first = grammar.expand("{day}", Random(seed), bindings)
        assert grammar.expand("see you {day}", Random(seed + 1), bindings) == f"see you {first}"
        assert grammar.expand("{day2}", Random(seed + 2), bindings) != first


def test_choices_may_lie_in_choices_and_may_be_empty() -> None:
    made = {grammar.expand("hi <there|<you|friend>|>!", Random(seed), {}) for seed in range(60)}
    assert made == {"hi there!", "hi you!", "hi friend!", "hi!"}


def test_an_unknown_slot_is_an_error() -> None:
    with pytest.raises(KeyError):
        grammar.expand("{nowhere}", Random(0), {})


def phrases() -> list[str]:
    """Every phrase of every file, without its cases."""
    found = [word for words in grammar.lexicon().values() for word in words]
    for situation in situations.load().values():
        for group in (situation.opening, *situation.replies.values(), *situation.after.values()):
            found += [situations.parse(raw).text for raw in group if not raw.startswith("@")]
    for section in (*texts.read("owner").values(), *texts.read("automated").values()):
        found += [phrase for group in section.values() for phrase in group]
    return found


def test_every_phrase_expands_with_slots_that_the_lexicon_has() -> None:
    for phrase in phrases():
        for turn in phrase.split(" -> "):
            made = grammar.expand(turn, Random(1), {})
            assert made
            assert not set("<>|{}#") & set(re.sub(r"https://\S+|order #\d+", "", made)), phrase


def test_every_opening_has_a_reply_and_every_case_an_opening() -> None:
    for situation in situations.load().values():
        openings = [situations.parse(raw).cases for raw in situation.opening]
        replied = frozenset().union(
            *(situations.parse(raw).cases for group in situation.replies.values() for raw in group)
        )
        assert replied <= frozenset().union(*openings), situation.name
        assert all(situation.answers(cases) for cases in openings) or situation.name == "sounds_ok"


def test_nobody_real_can_be_reached_by_what_is_written(sample: Sample, database: sqlite3.Connection) -> None:
    handles = {handle for (handle,) in database.execute("SELECT id FROM handle")}
    fiction = re.compile(r"\+1\d{3}55501\d\d|\d{5}|[\w.]+@example\.(com|net)")
    assert all(fiction.fullmatch(handle) for handle in handles | {OWNER_PHONE, OWNER_EMAIL})
    spoken = " ".join(record["text"] or "" for record in sample.truth.values())
    addresses = set(re.findall(r"https?://([^/\s]+)", spoken))
    assert addresses
    assert all(re.search(r"(^|\.)example(\.(com|org|net))?$", address) for address in addresses)


# Truth


def test_a_reader_finds_every_text_and_every_kind(sample: Sample) -> None:
    messages = frame(read_history(sample.report.path))
    assert len(messages) == ROWS
    wrong = Counter()
    for guid, kind, text, missing in zip(
        messages.guid, messages.kind, messages.text, messages.text.isna(), strict=True
    ):
        record = sample.truth[guid]
        text = None if missing else text
        if kind != record["kind"]:
            wrong[record["kind"], record.get("subkind"), kind] += 1
        elif record["kind"] == "normal" and text != record["text"]:
            wrong["text", record.get("subkind")] += 1
    assert not wrong


def test_every_kind_of_row_is_there(sample: Sample) -> None:
    assert set(tables.KINDS) == {record["kind"] for record in sample.truth.values()}
    subkinds = {record.get("subkind") for record in sample.truth.values()}
    assert {
        "edited", "mention", "formatted", "padded", "attachment_text", "multi_part", "url_preview", "sms_text_tapback", "orphan",
        "junk", "unknown_sender", "long_body", "literal_words", "tapback_decoy", "part_unsent", "date_zero", "item_type_1",
        "item_type_2", "item_type_3", "2006",
    } <= subkinds  # fmt: skip


def test_a_reply_comes_after_what_it_answers_in_the_same_conversation(sample: Sample) -> None:
    answers = 0
    for record in sample.truth.values():
        answered = sample.truth.get(record["reply_to"] or "")
        if answered and record["date_utc"] and answered["date_utc"]:
            assert answered["date_utc"] <= record["date_utc"]
            assert answered["conversation"] == record["conversation"]
            answers += 1
    assert answers > ROWS // 3


def test_my_replies_do_not_always_answer_the_last_message(sample: Sample) -> None:
    by_place = defaultdict(list)
    for record in sorted(sample.said(), key=lambda r: r["date_utc"] or ""):
        by_place[record["conversation"]].append(record)
    missed = Counter()
    for said in by_place.values():
        last = None
        for record in said:
            if record["sender"] == "me" and record["reply_to"] and not record["threaded"]:
                missed[record["is_group"], record["reply_to"] != (last and last["guid"])] += 1
            last = record if record["sender"] != "me" else last
    assert 0.07 < missed[False, True] / (missed[False, True] + missed[False, False]) < 0.3
    assert missed[True, True] / (missed[True, True] + missed[True, False]) > 0.3


def test_threads_go_on_so_the_root_is_not_always_the_message_answered(sample: Sample) -> None:
    mine = [
        record for record in sample.said(sender="me", threaded=True)
        if record["reply_to"] in sample.truth and sample.truth[record["reply_to"]]["sender"] != "me"
    ]  # fmt: skip
    assert len(mine) > 250
    assert sum(record["thread_root"] != record["reply_to"] for record in mine) > 20
    assert all(sample.rows[record["guid"]]["thread_originator_guid"] == record["thread_root"] for record in mine)


def test_the_latest_by_someone_else_in_the_thread_is_what_a_threaded_reply_answers(sample: Sample) -> None:
    threads = defaultdict(list)
    for record in sorted(sample.said(), key=lambda r: r["date_utc"] or ""):
        if record["threaded"]:
            threads[record["thread_root"]].append(record)
    right = wrong = 0
    for root, thread in threads.items():
        for place, record in enumerate(thread):
            if record["sender"] == "me":
                others = [r["guid"] for r in thread[:place] if r["sender"] != "me"]
                found = others[-1] if others else root
                right += found == record["reply_to"]
                wrong += found != record["reply_to"]
    assert right / (right + wrong) > 0.97


def test_an_edited_message_keeps_its_versions_and_when_each_was_written(sample: Sample) -> None:
    edited = [record for record in sample.said() if record.get("edited")]
    assert len(edited) > 100
    replies = defaultdict(list)
    for record in sample.said(sender="me"):
        replies[record["reply_to"]].append(record["date_utc"])
    later = 0
    for record in edited:
        row = sample.rows[record["guid"]]
        stored = plistlib.loads(row["message_summary_info"])["ec"]["0"]
        assert [unarchived(version["t"])[0].strip() for version in stored] == [e["text"] for e in record["edited"]]
        assert record["edited"][-1]["text"] == record["text"]
        assert row["date_edited"] > row["date"]
        later += any(at < record["edited"][-1]["date_utc"] for at in replies[record["guid"]])
    assert later > 5  # edited after I had replied


def test_one_person_may_have_two_services_and_several_handles(sample: Sample, database: sqlite3.Connection) -> None:
    services = database.execute(
        "SELECT count(*) FROM (SELECT id FROM handle GROUP BY id HAVING count(DISTINCT service) > 1)"
    )
    handles = database.execute(
        "SELECT count(*) FROM (SELECT person_centric_id FROM handle WHERE person_centric_id IS NOT NULL "
        "GROUP BY 1 HAVING count(DISTINCT id) > 1)"
    )
    assert services.fetchone()[0] >= 3
    assert handles.fetchone()[0] >= 1
    chats = defaultdict(set)
    for record in sample.said(is_group=False):
        chats[record["conversation"]].update(record["chats"])
    assert sum(len(found) > 1 for found in chats.values()) >= 4


def test_the_address_book_names_the_people(sample: Sample) -> None:
    people = read_history(sample.report.path, contacts=read_contacts(sample.report.contacts_path)).people
    names = set(people.loc[~people.is_automated, "display_name"].dropna())
    assert {"Mom", "Maya", "Greg", "Ms. Finch"} <= names
    assert len(names) >= 40
    assert people.is_automated.sum() == 4
