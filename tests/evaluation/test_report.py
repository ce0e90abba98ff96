"""The report: one file, no network, nothing private, nothing invented."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jarvis_assets.evaluation import baselines, gate, holdout, report
from jarvis_assets.evaluation.report import Example, ReportContents
from jarvis_resources import tables

MADE_AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
SECRET = "the door code is on the blue note"


@pytest.fixture
def contents(history, splits, embed) -> ReportContents:
    sides = holdout.divide(history, splits)
    train, dev, asked = (history.iloc[rows] for rows in (sides.train, sides.dev, sides.holdout))
    scores = np.linspace(0.4, 1, len(asked))
    answers = {
        baselines.RETRIEVAL: baselines.bm25(train, asked),
        baselines.CONSTANT_TRIO: baselines.constant_trio(train, dev, asked),
        baselines.NO_SYSTEM: baselines.no_system(asked),
    }
    evaluation = holdout.evaluate(history, splits, answers, embed, trigger_scores=scores)
    when = pd.Timestamp("2026-03-01", tz="UTC")
    count = len(history)
    return ReportContents(
        made_at=MADE_AT,
        command="jarvis mine",
        source="the synthetic sample",
        encoder="minilm-static",
        row_counts={"messages": 12_345},
        drops={"pairs": {"one-time code": 17}},
        messages=pd.DataFrame({"kind": "normal", "sent_at": [when] * 9, "is_from_me": [True] * 9}),
        pairs=history.assign(confidence=0.9),
        splits=splits,
        topics=pd.DataFrame({
            "pair_id": history["pair_id"], "cluster_id": np.arange(count) % 3 - 1, "cluster_conf": 1.0,
            "topic_name": SECRET, "map_x": np.arange(count), "map_y": np.arange(count) % 7,
        }),
        templates=tables.REPLY_TEMPLATES.conform(pd.DataFrame([{
            "template_id": "t", "trigger_act": "INVITATION", "response_type": "AGREE", "incoming_text": SECRET,
            "reply_text": SECRET, "incoming_examples": [SECRET], "reply_wordings": [SECRET], "uses": 4,
            "person_ids": ["p1"], "first_at": when, "last_at": when,
        }])),
        evaluation=evaluation,
        gate=gate.gate(evaluation),
        trigger_scores=scores,
        reliability=[(0.2, 0.25, 40), (0.8, 0.7, 40)],
        bars={"template bar": 0.71, "generate bar": None},
        links={"hidden threads": np.int64(1_812), "precision": 0.8125, "pairing": "trained on the sample"},
        understanding=pd.DataFrame([{"head": "trigger", "macro_f1": 0.5}]),
        examples=[Example(SECRET, SECRET, {"BM25": [SECRET], "retrieval": []})],
    )  # fmt: skip


def test_the_file_is_private_and_asks_the_network_for_nothing(contents, tmp_path):
    path = report.write(tmp_path / "reports" / "evaluation.html", contents)
    html = path.read_text(encoding="utf-8")
    assert path.stat().st_mode & 0o777 == 0o600
    assert not re.search(r"""(?:src|href)\s*=\s*["'](?!data:)""", html)
    assert not re.search(r"https?://|@import|url\(", html)
    assert len(html) < 1_000_000


def test_message_text_is_masked_unless_the_owner_asked_for_it(contents):
    assert SECRET not in report.render(contents)
    from dataclasses import replace

    assert SECRET in report.render(replace(contents, show_text=True))


def test_text_cannot_break_out_of_the_page(contents):
    from dataclasses import replace

    wicked = Example("<script>alert(1)</script>", "x", {})
    html = report.render(replace(contents, examples=[wicked], show_text=True))
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_the_figures_on_the_page_are_those_of_the_table(contents):
    html = report.render(contents)
    table = contents.evaluation
    top5 = table[(table["system"] == baselines.RETRIEVAL) & (table["measure"] == holdout.TOP5)].iloc[0]
    assert f"{top5['value']:.1%}" in html
    assert f"{top5['low']:.1%}".removesuffix("%") + f" – {top5['high']:.1%}" in html
    for expected in (
        "12,345",
        "one-time code",
        "0.710",
        "0.075",
        "1,812",
        "0.812",
        "trained on the sample",
        "minilm-static",
        "21 November 2026",
    ):
        assert expected in html


def test_every_picture_is_inside(contents):
    html = report.render(contents)
    assert html.count("data:image/png;base64,") == 5


def test_what_nobody_measured_reads_two_dashes():
    html = report.render(ReportContents(made_at=MADE_AT))
    assert html.count(report.UNMEASURED) > 12
    body = html.split("<main>")[1]
    assert "data:image" not in body
    assert not re.search(r"\bnan\b|None", body)


def test_an_empty_history_still_has_a_report():
    empty = ReportContents(
        made_at=MADE_AT,
        messages=tables.MESSAGES.empty(),
        pairs=tables.PAIRS.empty(),
        splits=tables.PAIR_SPLITS.empty(),
        topics=tables.RESPONSE_TOPICS.empty(),
        templates=tables.REPLY_TEMPLATES.empty(),
        evaluation=tables.HOLDOUT_EVALUATION.empty(),
        gate=gate.gate(tables.HOLDOUT_EVALUATION.empty()),
        trigger_scores=np.empty(0),
    )
    assert '<td class="n">0</td>' in report.render(empty)


@pytest.mark.slow
def test_a_browser_draws_it_from_disk(contents, tmp_path):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no browser here")
    page = report.write(tmp_path / "report.html", contents)
    picture = tmp_path / "page.png"
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}",
             f"--screenshot={picture}", "--window-size=1240,2400"]  # fmt: skip
    subprocess.run([browser, *flags, page.as_uri()], check=True, capture_output=True, timeout=90)
    from PIL import Image

    assert len(Image.open(Path(picture)).convert("RGB").getcolors(2_000_000)) > 100
