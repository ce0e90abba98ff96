"""Which found pairs are not worth learning from, and which only look so."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from written_pairs import PEOPLE, found, pair, table

from jarvis_assets.pairs import checks, coherence, dropping, filters, machine_texts
from jarvis_assets.pairs.coherence import Floors
from jarvis_assets.pairs.keeping import keep
from jarvis_resources import tables


def reason(row) -> str | None:
    """Why a pair is dropped; None: it is kept."""
    why = filters.unfit(table(row), PEOPLE).iloc[0]
    return None if pd.isna(why) else str(why)


@pytest.mark.parametrize(
    ("row", "named"),
    [
        (pair("yo", "what is up"), "trigger_too_short"),
        (pair("x" * 501, "wow"), "trigger_too_long"),
        (pair("you there?", "k"), "response_too_short"),
        (pair("tell me everything", "word " * 201), "response_too_long"),
        (pair("Your balance is low", "thanks", person_id="bank"), "automated_sender"),
        (pair("Sale ends soon! Reply STOP to opt out", "stop"), "automated_sender"),
        (pair("You have an appointment on Monday. Reply C to confirm.", "C "), "automated_sender"),
        (pair("Loved “see you at eight”", "what"), "tapback_text"),
        (pair("see you at eight", "Liked “see you at eight”"), "tapback_text"),
        (pair("Begin forwarded message: dear all", "no idea"), "forwarded_or_pasted"),
        (pair("> Fwd: the minutes", "no idea"), "forwarded_or_pasted"),
        (pair("---------- Forwarded message ---------", "no idea"), "forwarded_or_pasted"),
        (pair("\n".join("line of a poem" for _ in range(20)), "no idea"), "forwarded_or_pasted"),
        (pair("Forward this to ten friends within the hour " + "or bad luck follows " * 8, "no"), "forwarded_or_pasted"),
    ],
)  # fmt: skip
def test_each_reason_drops_what_it_names(row, named):
    assert reason(row) == named


@pytest.mark.parametrize(
    "text",
    [
        "Your verification code is 482913", "G-482913 is your Google verification code", "the code is 4821",
        "Your code for Chase Online is 482 913. Don't share it.", "Security code: 1234", "PIN 48213",
        "Your Apple ID Code is: 482913. Don't share it with anyone.", "482913 is your Uber code", "OTP 48213",
        "Use 482913 to verify your phone", "Your code:\n\n482913", "@example.com #482913", "the wifi password is 48213311",
        "Tu código es 482913", "Ihr Code lautet 482913", "482913 est votre code de vérification", "Ваш код: 482913",
        "【微信】验证码482913，请勿告诉他人", "[네이버] 인증번호 482913", "the gate code is 4821#",
    ],
)  # fmt: skip
def test_a_code_is_known_in_many_wordings(text):
    assert reason(pair(text, "got it")) == reason(pair("what did they send?", text)) == "one_time_code"


@pytest.mark.parametrize(
    "text",
    [
        "meet at 1830 by the pin board", "my pin number is 12, kidding", "call me on 5551234", "I loved “Dune”",
        "room 4021?", "what is the dress code for 2024", "area code 413, 447-9626", "did you fwd: the mail",
        "the zip code is 94110", "bring 1500 copies to the code review", "error code 5023 again", "use code SAVE20",
        "the code is 4000 lines long", "code freeze, 2000 tests to go", "can you verify the total, 1500?",
        "drop a pin and walk 1200 steps", "the promo code is 50204", "the code review is 1830 words", "1984 is my code name",
        "did you get the verification code?", "I can't find the code", "the pin costs $1500", "pin it, we need 1500 people",
        "reply yes to everything she says", "text stop to him", "stop texting me", "send this to everyone",
        "don't forward this to all of them", "forwarded message for you", "she sent me a text to end it",
        "milk\neggs\nbread\nrice\nbeans\ntea\nsalt\noil\nsoap\nsponges\nflour\nsugar\nhoney\njam\nnuts\ndates\nfigs",
        "who said “see you at eight”?", "he liked it", "Loved it!", "the data rates here are awful",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_machines_text_stays(text):
    assert reason(pair(text, "sure")) is None
    assert reason(pair("what is it?", text)) is None


@pytest.mark.parametrize(
    "response", ["ok", "no", "yes", "👍🏽", "👍", "❤️", "lol", "K.", "??", "haha", "sí", "8", "好", "네"]
)
def test_a_short_answer_is_not_dropped_for_being_short(response):
    assert reason(pair("are you coming tonight?", response)) is None


def test_an_emoji_is_no_message_to_answer():
    assert reason(pair("👍", "cool")) == "trigger_too_short"


@pytest.mark.parametrize(
    "text",
    ["\n" * 100_000, "-" * 100_000, "code " * 20_000, "code is " * 12_500, "1234 " * 20_000, "1" * 100_000, "“" * 100_000,
     "a" * 100_000 + "b", "use 12345 to " * 8_000, "@" * 100_000, "@a #" * 25_000, " " * 100_000, "1.1," * 25_000,
     "reply stop to " * 7_000, "> " * 50_000, "code" + " " * 100_000 + "x", "1234 is my " * 9_000, "код " * 25_000],
)  # fmt: skip
def test_no_text_makes_the_filters_slow(text):
    begun = time.process_time()
    reason(pair(text, text))
    assert time.process_time() - begun < 2.0


@given(st.text(alphabet="code is1234 your\n-“”:.@#>", max_size=80), st.text(max_size=40))
def test_every_pair_is_kept_or_has_one_known_reason(trigger, response):
    assert reason(pair(trigger, response)) in (*filters.REASONS, None)


CODE_WORDS = [
    "the", "code", "pin", "is", "for", "my", "your", "to", "verify", "use", "password", "at", "on", "12", "7", "ok",
    "yes",
]  # fmt: skip


@given(st.lists(st.sampled_from(CODE_WORDS)))
def test_no_number_of_two_digits_is_a_code(words):
    assert not machine_texts.holds_code(" ".join(words))


def test_a_floor_is_where_wrong_links_outnumber_right_ones():
    wrong, right = np.linspace(-0.2, 0.2, 401), np.linspace(0.0, 0.6, 601)
    lowest = coherence.floor(right, wrong, 0.9)
    assert lowest == pytest.approx(0.05, abs=0.03)
    assert coherence.floor(right, wrong, 0.6) > lowest, "the more of the links are wrong, the more goes"
    assert coherence.floor(right, wrong, 1.0) == coherence.NONE
    assert coherence.floor(wrong, wrong, 0.9) == coherence.NONE, "a cosine that tells nothing drops nothing"
    assert coherence.floor(right[:3], wrong, 0.9) == coherence.NONE, "three links drop nothing"


def test_floors_are_learned_from_the_dev_fold_of_the_inline_replies():
    rows, draw = 600, np.random.default_rng(1)
    vectors = draw.normal(size=(2 * rows, 8)).astype(np.float32)
    vectors[1::2] = vectors[::2] + 0.1 * draw.normal(size=(rows, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    turns = pd.DataFrame(
        {"turn_id": [f"{'tr'[i % 2]}{i // 2}" for i in range(2 * rows)], "conversation_id": "d1",
         "is_from_me": [i % 2 == 1 for i in range(2 * rows)]}
    )  # fmt: skip
    cosine = np.einsum("nd,nd->n", vectors[::2], vectors[1::2])
    gold = found(
        *(pair("what is it then really", "it is what it is", k, source="gold", response_guid=f"r{k}", trigger_guids=[f"t{k}"],
               coherence=cosine[k]) for k in range(rows))
    )  # fmt: skip
    floors = coherence.learn(gold, found(pair("hm", "hm", confidence=0.6)), turns, vectors.astype(np.float16))
    assert 0.3 < floors.direct < cosine.min() + 0.01
    assert floors.group == coherence.NONE
    assert "inline replies in direct chats" in floors.provenance
    few = coherence.learn(gold.iloc[:40], found(pair("hm", "hm")), turns, vectors.astype(np.float16))
    assert few == Floors()


LOW = {"coherence": -0.2}
STRICT = Floors(direct=-0.05, group=-0.05)


@pytest.mark.parametrize(
    ("row", "stays"),
    [
        (pair("the cat is fine again", "seventeen of them were red", **LOW), False),
        (pair("the cat is fine again", "seventeen", **LOW), True),
        (pair("coming?", "seventeen of them were red", **LOW), True),
        (pair("the cat is fine again", "seventeen of them were red", source="gold", **LOW), True),
        (pair("the cat is fine again", "seventeen of them were red", coherence=-0.04), True),
    ],
    ids=["opposed", "plain answer", "plain trigger", "inline reply", "above the floor"],
)
def test_only_a_found_link_between_two_sides_that_say_something_is_incoherent(row, stays):
    kept = keep(found(), found(row), PEOPLE, STRICT)
    assert (len(kept.pairs) == 1) == stays
    assert kept.drops == ({} if stays else {"incoherent": 1})


def test_a_pair_is_incoherent_only_if_all_of_its_occurrences_are():
    said = ("the cat is fine again", "seventeen of them were red")
    early, late = found(pair(*said, 1, **LOW)), found(pair(*said, 5, coherence=0.2))
    kept = keep(found(), pd.concat([early, late]), PEOPLE, STRICT)
    assert kept.pairs["response_guid"].tolist() == early["response_guid"].tolist()
    assert keep(found(), early, PEOPLE, STRICT).pairs.empty


def test_a_banks_thanks_never_stands_for_a_friends():
    both = found(pair("see you soon then", "thanks", 1, person_id="bank"), pair("see you soon then", "thanks", 2))
    kept = keep(found(), both, PEOPLE, Floors())
    assert kept.pairs[["person_id", "occurrences"]].values.tolist() == [["ana", 1]]
    assert kept.drops == {"automated_sender": 1}


def test_every_row_is_kept_or_counted_once():
    rows = [pair("yo", "k"), pair("Your code is 482913", "x" * 2_000, person_id="bank"), pair("coming?", "yes")]
    kept = keep(found(*rows[:1]), found(*rows[1:]), PEOPLE, Floors())
    assert len(kept.pairs) + sum(kept.drops.values()) == 3
    assert kept.filtered_share == pytest.approx(2 / 3)
    assert tables.violations(tables.PAIRS, kept.pairs) == []
    assert keep(found(), found(), PEOPLE, Floors()).drops == {}


def check(*rows, kept: int):
    occurrences = table(pair("coming?", "yes", occurrences=kept)) if kept else table()
    return checks.filters_are_not_too_aggressive(occurrences, found(), found(*rows), PEOPLE)


def test_more_than_two_fifths_dropped_is_an_error_that_names_the_reason_and_what_to_do():
    rows = [pair("coming?", "yes", k) for k in range(5)] + [pair("yo", "what", k) for k in range(3)]
    good = check(*rows, kept=5)
    assert good.passed
    bad = check(*rows, pair("Your code is 482913", "ok"), kept=5)
    assert not bad.passed
    assert bad.severity.value == "ERROR"
    assert "44% of 9 pairs" in bad.description
    assert "(3) as trigger_too_short" in bad.description
    assert "--reason trigger_too_short" in bad.description
    assert check(kept=0).passed


def test_repeats_are_not_dropped():
    assert check(*(pair("coming?", "yes", k) for k in range(9)), kept=9).passed


def test_what_was_dropped_for_no_textual_reason_was_incoherent():
    rows = found(*(pair("coming?", "yes", k) for k in range(4)))
    assert dropping.told(rows, 3, PEOPLE).by_reason == {"incoherent": 1}
