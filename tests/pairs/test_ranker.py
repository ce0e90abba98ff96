"""The trees that judge links in groups: what they see, what they learn, what they keep."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from jarvis_assets import kept
from jarvis_assets.pairs import reply_links
from jarvis_assets.pairs.links import learning, public_links, ranker
from jarvis_assets.pairs.links.evidence import Scene, evidence, stacked
from jarvis_assets.pairs.links.exchanges import DECAY, Guesses, exchanges
from jarvis_assets.pairs.links.forest import Forest, _as_onnx
from jarvis_assets.pairs.links.inputs import LinkInputs
from jarvis_assets.pairs.links.ranker import Best, Known, Ranker
from jarvis_assets.pairs.links.truth import explicit_links
from jarvis_assets.pairs.links.windows import Windows, reached
from jarvis_assets.pairs.segments import segment
from jarvis_assets.pairs.turns import build_turns
from jarvis_resources import corpora
from jarvis_resources.errors import CorpusError, JarvisError
from jarvis_resources.settings import Settings

TOPICS = ["pasta", "tickets", "garage", "piano", "tent", "visa", "printer", "ladder"]


def talk(chat, exchanges=60, conversation="g1"):
    """Two questions stand open and I answer the one whose words I repeat, in a thread."""
    for number in range(exchanges):
        minute = number * 30
        mine, other = TOPICS[number % 8], TOPICS[(number * 3 + 1) % 8]
        other = other if other != mine else "lasagna"
        first, second = (mine, other) if number % 2 else (other, mine)
        place = {"is_group": True, "conversation_id": conversation}
        a = chat.say("ana", minute, f"who knows about the {first}?", **place)
        b = chat.say("bo", minute + 1, f"where is the {second}?", **place)
        chat.say("me", minute + 2, f"the {mine} is with me", thread_root_guid=a if first == mine else b, **place)


def inputs_of(turns, word_vectors, people=None) -> LinkInputs:
    return reply_links.link_inputs(turns, word_vectors(turns), people)


def seen(inputs, responses) -> dict[str, np.ndarray]:
    """Evidence and exchanges of ``responses``, spread over all slots."""
    windows = Windows.of(inputs.arrays, responses)
    scene = Scene.of(inputs, windows)
    share = np.full((len(inputs.arrays.sender), 41), 1 / 41, np.float32)
    named = evidence(inputs, scene) | exchanges(Guesses.of(share), scene)
    return {name: np.where(windows.there, values, 0.0) for name, values in named.items()}


@pytest.fixture(scope="module")
def trees():
    """A fitted scikit-learn model and rows to score."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    draw = np.random.default_rng(0)
    rows = draw.normal(size=(4_000, 6)).astype(np.float32)
    rows[:, 0] = rows[:, 0].round(1)
    positive = rows[:, 0] * rows[:, 1] + draw.normal(size=4_000) > 0.5
    return HistGradientBoostingClassifier(max_iter=40, random_state=0).fit(rows, positive), rows


def test_trees_in_onnx_score_as_in_scikit_learn_even_on_a_threshold(trees):
    model, rows = trees
    forest = Forest(tuple("abcdef"), _as_onnx(model, 6))
    np.testing.assert_allclose(forest.score(rows), model.decision_function(rows), atol=1e-4)
    for tree in model._predictors[:5]:
        for feature, threshold in zip(tree[0].nodes["feature_idx"], tree[0].nodes["num_threshold"], strict=True):
            edge = rows[:50].copy()
            edge[:, feature] = np.float32(threshold)
            np.testing.assert_allclose(forest.score(edge), model.decision_function(edge), atol=1e-4)


def test_trees_refuse_features_that_they_do_not_know(trees):
    with pytest.raises(JarvisError, match="jarvis mine"):
        Forest(tuple("abcdef"), _as_onnx(trees[0], 6)).require(tuple("abcdeg"))


def test_a_window_holds_the_turns_before_in_the_same_conversation_and_no_other(chat):
    for number in range(120):
        chat.say(("ana", "bo", "me")[number % 3], number, f"t{number}", is_group=True, conversation_id=f"g{number % 2}")
    turns = build_turns(chat.messages)
    arrays = inputs_of(turns, lambda t: np.ones((len(t), 1), np.float16)).arrays
    responses = np.arange(len(turns))
    windows = Windows.of(arrays, responses)
    row, slot = np.nonzero(windows.there)
    turn = windows.turn[row, slot]
    assert (turn == responses[row] - slot).all()
    assert (arrays.conversation[turn] == arrays.conversation[responses[row]]).all()
    assert windows.there.sum(axis=1).max() == 41
    assert windows.there[:, 0].all()


def test_what_a_window_reaches_is_what_stands_in_it(chat):
    for number in range(200):
        chat.say(("ana", "bo", "me")[number % 3], number, f"t{number}", is_group=True)
    turns = build_turns(chat.messages)
    arrays = inputs_of(turns, lambda t: np.ones((len(t), 1), np.float16)).arrays
    responses = np.array([60, 150])
    windows = Windows.of(arrays, responses)
    assert reached(arrays, responses).tolist() == np.unique(windows.turn[windows.there]).tolist()


def test_what_is_seen_does_not_know_what_came_later(chat, word_vectors):
    talk(chat, 30)
    people = pd.DataFrame({"person_id": ["ana", "bo"], "display_name": ["Ana Lima", "Bo Berg"]})
    chat.say("me", 950, "Ana the piano?", is_group=True, conversation_id="g1")
    messages = chat.messages
    early = np.arange(40)
    whole, cut = (
        seen(inputs_of(build_turns(rows), word_vectors, people), early) for rows in (messages, messages.iloc[:45])
    )
    assert whole.keys() == cut.keys()
    for name in whole:
        np.testing.assert_allclose(whole[name], cut[name], atol=1e-5, err_msg=name)


def test_what_is_seen_does_not_know_the_thread_that_is_to_be_predicted(chat, word_vectors):
    talk(chat, 20)
    threaded = build_turns(chat.messages)
    hidden = threaded.assign(thread_root_guid=pd.Series(None, index=threaded.index, dtype="str"))
    rows = np.arange(len(threaded))
    with_threads, without = (seen(inputs_of(turns, word_vectors), rows) for turns in (threaded, hidden))
    for name in with_threads:
        np.testing.assert_array_equal(with_threads[name], without[name], err_msg=name)


def test_segments_that_links_are_judged_by_do_not_know_the_thread(chat, word_vectors):
    root = chat.say("ana", 0, "shall we repaint the old garage door this spring?")
    chat.say("me", 200, "my printer arrived yesterday evening and it is broken", thread_root_guid=root)
    turns = build_turns(chat.messages)
    assert segment(turns, word_vectors(turns)).tolist() == [0, 0]
    assert inputs_of(turns, word_vectors).segments.tolist() == [0, 1]


def test_a_turn_that_goes_on_after_the_response_is_not_in_its_window(chat, word_vectors):
    root = chat.say("ana", 0, "where is the tent?", is_group=True)
    chat.say("me", 10, "in the garage", is_group=True, thread_root_guid=root)
    chat.say("me", 10.5, "who wants pasta?", is_group=True)
    early = build_turns(chat.messages)
    chat.say("me", 11, "behind the piano", is_group=True, thread_root_guid=root)
    late = build_turns(chat.messages)
    assert late["turn_id"].tolist() == early["turn_id"].tolist() == ["m1", "m2", "m3"]
    before, after = (seen(inputs_of(turns, word_vectors), np.array([2])) for turns in (early, late))
    assert not Windows.of(inputs_of(late, word_vectors).arrays, np.array([2])).there[0, 1]
    assert before["is_partner"][0, 2] == 1.0
    assert after["cosine"][0, 1] == 0.0


def test_a_name_that_is_a_word_names_somebody_with_a_capital_alone(chat, word_vectors):
    chat.say("bo", 0, "hello there", is_group=True)
    chat.say("ana", 1, "who comes?", is_group=True)
    people = pd.DataFrame({"person_id": ["bo"], "display_name": ["Will Berg"]})
    for minute, text in ((2, "will you two be there?"), (3, "Will you?"), (4, "i think Will does")):
        chat.say("me" if minute != 3 else "ana", minute, text, is_group=True)
    turns = build_turns(chat.messages)
    named = inputs_of(turns, word_vectors, people).wording.named
    assert (named[2:, 0] >= 0).tolist() == [False, False, True]


def test_a_name_points_to_its_bearer_and_to_nobody_else(chat, word_vectors):
    chat.say("ana", 0, "first thing", is_group=True)
    chat.say("bo", 1, "second thing", is_group=True)
    chat.say("me", 2, "Ana, no way", is_group=True)
    people = pd.DataFrame({"person_id": ["ana", "bo"], "display_name": ["Ana Lima", "Bo Berg"]})
    found = seen(inputs_of(build_turns(chat.messages), word_vectors, people), np.array([2]))
    assert found["answer_names_them"][0, :3].tolist() == [0, 0, 1]
    assert found["answer_addresses_them"][0, :3].tolist() == [0, 0, 1]


def test_nobody_names_themselves(chat, word_vectors):
    chat.say("ana", 0, "hello", is_group=True)
    chat.say("bo", 1, "hello", is_group=True)
    chat.say("ana", 2, "it is me, Ana, with Bo", is_group=True)
    people = pd.DataFrame({"person_id": ["ana", "bo"], "display_name": ["Ana Lima", "Bo Berg"]})
    inputs = inputs_of(build_turns(chat.messages), word_vectors, people)
    assert inputs.wording.named[2].tolist() == [inputs.arrays.sender[1], -1]


def test_an_exchange_counts_less_with_each_turn_since(chat, word_vectors):
    for minute, who in ((0, "ana"), (6, "me"), (12, "bo"), (18, "me")):
        chat.say(who, minute, f"t{minute}", is_group=True)
    inputs = inputs_of(build_turns(chat.messages), word_vectors)
    share = np.zeros((4, 41), np.float32)
    share[:, 0] = 1
    share[1, :2] = [0.1, 0.9]  # I answered ana, two turns before
    found = exchanges(Guesses.of(share), Scene.of(inputs, Windows.of(inputs.arrays, np.array([3]))))
    assert found["i_answer_them"][0, :4].tolist() == pytest.approx([0, 0, 0, 0.9 * DECAY**2])


def test_exchanges_tell_who_answers_whom(chat, word_vectors):
    chat.say("me", 0, "who has the tent?", is_group=True)
    chat.say("ana", 6, "the visa is late", is_group=True)
    chat.say("bo", 12, "i have it", is_group=True)
    chat.say("me", 18, "great, thanks", is_group=True)
    inputs = inputs_of(build_turns(chat.messages), word_vectors)
    share = np.zeros((4, 41), np.float32)
    share[:, 0] = [1, 1, 0.2, 1]
    share[2, 2] = 0.8  # bo answers me
    scene = Scene.of(inputs, Windows.of(inputs.arrays, np.array([3])))
    found = exchanges(Guesses.of(share), scene)
    assert found["answers_me"][0, :4].tolist() == pytest.approx([0, 0.8, 0, 0])
    assert found["they_answer_me"][0, :4].tolist() == pytest.approx([0, 0.8 * DECAY, 0, 0])
    assert found["answered"][0, :4].tolist() == pytest.approx([0, 0, 0, 0.8])
    assert found["talk_is_mine"][0, :4].tolist() == [0, 1, 0, 1]


@pytest.fixture
def learned(chat, word_vectors):
    """A ranker learned from threads in two groups, and the history that it was learned from."""
    for group in ("g1", "g2", "g3"):
        talk(chat, 150, group)
    turns = build_turns(chat.messages)
    inputs = inputs_of(turns, word_vectors)
    links = explicit_links(turns, chat.messages)
    test = turns["conversation_id"].iloc[links["response"].to_numpy()].to_numpy() == "g3"
    found = ranker.fit([Known(inputs, links[~test])])
    return found, inputs, links[test]


def test_a_conversation_is_guessed_at_by_trees_that_never_saw_it(chat, word_vectors):
    for group, answered in (("g1", 0), ("g2", 1)):
        for number in range(150):
            place = {"is_group": True, "conversation_id": group}
            asked = [chat.say(who, number * 30 + i, "anyone?", **place) for i, who in enumerate(("ana", "bo"))]
            chat.say("me", number * 30 + 2, "here", thread_root_guid=asked[answered], **place)
    turns = build_turns(chat.messages)
    links = explicit_links(turns, chat.messages)
    [share] = ranker.guesses_of_the_other_half([Known(inputs_of(turns, word_vectors), links)])
    lag = (links["response"] - links["trigger"]).to_numpy()
    guessed = share[links["response"].to_numpy()].argmax(axis=1)
    # The halves contradict each other, so that only a forest that had seen the answers could be right.
    assert (guessed == lag).mean() < 0.1


def test_threads_teach_the_trees_whom_a_turn_answers(learned):
    found, inputs, links = learned
    best = found.best(inputs, links["response"].to_numpy())
    assert (best.trigger == links["trigger"].to_numpy()).mean() > 0.95
    assert (best.share <= best.answers + 1e-6).all()


def test_a_ranker_survives_its_file_which_holds_no_pickle(learned):
    found, inputs, links = learned
    found = replace(found, slope=0.7, intercept=-0.3, threshold=0.6, provenance="a test")
    again = Ranker.from_bytes(found.to_bytes())
    rows = links["response"].to_numpy()
    np.testing.assert_array_equal(again.best(inputs, rows).share, found.best(inputs, rows).share)
    assert (again.slope, again.threshold, again.provenance) == (0.7, 0.6, "a test")


def test_calibration_makes_confidence_a_share_of_right_links():
    draw = np.random.default_rng(0)
    share = draw.uniform(0.05, 0.99, 20_000)
    right = draw.random(20_000) < share**2
    best = Best(np.zeros(20_000, dtype=np.int64), share, share)
    empty = Ranker(Forest((), b""), Forest((), b""))
    scaled = ranker.with_calibration(empty, best, right, precision=0.8)
    confidence = scaled.confidence(share)
    assert abs(confidence.mean() - right.mean()) < 0.01
    kept = confidence >= scaled.threshold
    assert right[kept].mean() == pytest.approx(0.8, abs=0.02)


def test_the_ranker_takes_over_in_groups_and_leaves_direct_chats_alone(chat, word_vectors, learned):
    found, _, _ = learned
    asked = chat.say("ana", 9_000, "are you coming on sunday?", conversation_id="d9")
    answer = chat.say("me", 9_001, "yes, around noon", conversation_id="d9")
    turns = build_turns(chat.messages)
    shipped = reply_links.LinkModel.shipped()
    vectors, segments = word_vectors(turns), np.zeros(len(turns), dtype=np.int64)
    pairs = reply_links.pair_unthreaded_turns(turns, chat.messages, vectors, segments, replace(shipped, ranker=found))
    assert pairs.pairs[["trigger_guid", "response_guid"]].values.tolist() == [[asked, answer]]
    report = reply_links.hide_and_predict(turns, chat.messages, vectors, replace(shipped, ranker=found), fold=None)
    assert report.group.accuracy > 0.95
    assert report.group.threshold == found.threshold


LINES = [
    # line, time, nick, text, reply_to, starts
    (10, "23:58", "zed", "anyone got a tent?", [], True),
    (11, "23:58", "zed", "a big one", [10], False),
    (12, "23:59", "kim", "zed: i do", [10], False),
    (13, "00:01", "lou", "kim, zed: me too", [10, 12], False),
    (14, "00:02", "kim", "what: is this", [3], False),
]


def write_corpus(folder, lines=LINES, logs=("a.train-1",), split="train"):
    rows = [
        {
            "file": log, "idx": idx, "time": time, "nick": nick, "text": text, "kind": "msg", "annotated": True,
            "reply_to": targets, "starts": starts, "conv": 0, "split": split,
        }
        for log in logs
        for idx, time, nick, text, targets, starts in lines
    ]  # fmt: skip
    (folder / "irc_ubuntu").mkdir(parents=True)
    with gzip.open(folder / "irc_ubuntu" / "irc_ubuntu.jsonl.gz", "wt", encoding="utf-8") as out:
        out.writelines(json.dumps(row) + "\n" for row in rows)
    return folder


def test_public_chat_is_read_without_prefixes_and_over_midnight(tmp_path):
    lines = corpora.irc_ubuntu(write_corpus(tmp_path))
    assert lines["text"].tolist() == ["anyone got a tent?", "a big one", "i do", "me too", "what: is this"]
    assert np.diff(lines["minute"]).tolist() == [0, 1, 2, 1]
    assert lines["targets"].tolist() == [[], [10], [10], [10, 12], []]
    assert lines["missing"].tolist() == [0, 0, 0, 0, 1]
    assert corpora.irc_ubuntu(tmp_path, prefixes=True)["text"].iloc[3] == "kim, zed: me too"


def test_public_chat_that_is_not_there_or_damaged(tmp_path):
    assert corpora.irc_ubuntu(None) is None
    assert corpora.irc_ubuntu(tmp_path) is None
    file = write_corpus(tmp_path) / "irc_ubuntu" / "irc_ubuntu.jsonl.gz"
    file.write_bytes(file.read_bytes()[:60])
    with pytest.raises(CorpusError, match="fetch it again"):
        corpora.irc_ubuntu(tmp_path)


def test_public_links_become_links_of_turns_or_of_lines(tmp_path):
    lines = corpora.irc_ubuntu(write_corpus(tmp_path))
    messages = public_links.messages_of(lines)
    turns = build_turns(messages, 300)
    links = public_links.links_among(turns, lines)
    assert turns["text"].tolist() == ["anyone got a tent?\na big one", "i do", "me too", "what: is this"]
    assert links.values.tolist() == [[0, -1], [1, 0], [2, 0], [2, 1], [3, -1]]
    turns = build_turns(messages.assign(thread_root_guid=messages["guid"]))
    links = public_links.links_among(turns, lines)
    assert len(turns) == 5
    assert links.values.tolist() == [[0, -1], [1, 0], [2, 0], [3, 0], [3, 2], [4, -1]]


@pytest.fixture
def corpus(tmp_path):
    """Logs in which a question is answered with its own words while another stands open."""
    lines = []
    for number in range(60):
        topic, other = TOPICS[number % 8], TOPICS[(number + 3) % 8]
        base, minute = 100 + 3 * number, f"{number // 60:02}:{number % 60:02}"
        first, second = (topic, other) if number % 2 else (other, topic)
        lines += [
            (base, minute, "ana", f"who knows about the {first}?", [], True),
            (base + 1, minute, "bo", f"where is the {second}?", [], True),
            (base + 2, minute, "kim", f"the {topic} is here", [base if first == topic else base + 1], False),
        ]
    return write_corpus(tmp_path / "corpora", lines, [f"{number}.train-1" for number in range(12)])


@pytest.mark.slow
def test_a_ranker_is_learned_once_and_kept(corpus, tmp_path, word_vectors):
    settings = Settings(home=tmp_path / "home", corpora=corpus).prepare()
    said: list[str] = []

    def embed(texts):
        return word_vectors(pd.DataFrame({"text": pd.Series(texts, dtype="str")}))

    first = learning.learned(settings, embed, None, say=said.append)
    assert "public turns" in first.provenance
    assert any("deciding" in line or "decide" in line for line in said)
    said.clear()
    again = learning.learned(settings, embed, None, say=said.append)
    assert not said
    assert again.to_bytes() == first.to_bytes()
    [file] = (settings.home / kept.LINKS).iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_bytes(file.read_bytes()[:1000])
    assert learning.learned(settings, embed, None, say=said.append).to_bytes() == first.to_bytes()
    assert said
    assert learning.learned(replace(settings, corpora=None), embed, None, say=said.append) is None


@pytest.mark.slow
def test_calibration_logs_are_left_out_of_learning(corpus, tmp_path, word_vectors, monkeypatch):
    settings = Settings(home=tmp_path / "home", corpora=corpus).prepare()
    learn, seen_logs = ranker.fit, []

    def spy(sources, **rest):
        [known] = sources
        seen_logs.extend(known.inputs.arrays.conversation[known.responses()])
        return learn(sources, **rest)

    monkeypatch.setattr(ranker, "fit", spy)
    lines = corpora.irc_ubuntu(corpus)
    learning.learn(lines, settings, lambda texts: word_vectors(pd.DataFrame({"text": texts})), None, lambda _: None)
    logs = build_turns(public_links.messages_of(lines))["conversation_id"].drop_duplicates()
    held = learning._held_out(logs)
    assert held.any()
    assert not set(np.flatnonzero(held)) & set(seen_logs)
    assert len(set(seen_logs)) == (~held).sum()


def test_a_response_that_answers_nothing_in_its_window_answers_none_of_it(chat, word_vectors):
    for number in range(60):
        chat.say("ana" if number % 2 else "bo", number * 6, f"t{number}", is_group=True)
    inputs = inputs_of(build_turns(chat.messages), word_vectors)
    links = pd.DataFrame({"response": [50, 55, 58, 58], "trigger": [-1, 2, 57, 50]})
    known = Known(inputs, links)
    truth = known.truth(Windows.of(inputs.arrays, known.responses()))
    assert [np.flatnonzero(row).tolist() for row in truth] == [[0], [0], [1, 8]]


def test_stacked_rows_follow_the_names(chat, word_vectors):
    talk(chat, 2)
    inputs = inputs_of(build_turns(chat.messages), word_vectors)
    windows = Windows.of(inputs.arrays, np.arange(6))
    named = evidence(inputs, Scene.of(inputs, windows))
    rows = stacked(named, windows.there)
    column = list(named).index("cosine")
    np.testing.assert_array_equal(rows[:, column], named["cosine"][windows.there])
