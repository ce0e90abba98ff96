"""The release: one folder that serving loads whole, published from the mining and the serving encoder."""

from pathlib import Path

import dagster as dg

from jarvis_assets import metadata
from jarvis_assets.constants import OWNERS
from jarvis_assets.evaluation.gate import gate
from jarvis_assets.pairs.review.summary import summarise
from jarvis_assets.release.contents import assemble_bank, require_same_pairs, require_same_rows
from jarvis_resources import made_by, releases
from jarvis_resources.asset_files import asset_path, read_asset
from jarvis_resources.dagster_resources import JarvisSettings
from jarvis_resources.encoders import encoder_pins
from jarvis_resources.errors import ReleaseError
from jarvis_resources.files import write_private
from jarvis_serving.bank import recent_messages
from jarvis_serving.calibration import Calibration

ENCODED = (
    "pair_vectors", "trigger_index", "response_topics", "dialogue_act_model", "dialogue_acts", "reply_templates",
    "router_calibration", "holdout_evaluation",
)  # fmt: skip


class ReleaseConfig(dg.Config):
    """From which encoders a release is made."""

    mining_encoder: str = ""
    """Whose topics, labels and templates it holds; empty: the setting ``mining_encoder``."""
    serving_encoder: str = ""
    """Whose index, classifier and calibration it holds; empty: the setting ``serving_encoder``."""
    publish_anyway: bool = False
    """Publish even where the evaluation or the review says that the previous release is better."""


@dg.asset(
    group_name="release",
    kinds={"folder"},
    owners=OWNERS,
    code_version="1",
    deps=[
        "pairs",
        "people",
        "messages",
        "conversations",
        "contact_profiles",
        "pair_splits",
        "gold_pair_review",
        *ENCODED,
    ],
)
def serving_release(
    context: dg.AssetExecutionContext, config: ReleaseConfig, jarvis: JarvisSettings
) -> dg.MaterializeResult[None]:
    """Publishes the release: written aside, verified, renamed into place; the one before goes on serving until then.

    The assets are read here and not handed in: of each partitioned one, only the two chosen encoders' are wanted.
    """
    settings = jarvis.load()
    mining = config.mining_encoder or settings.mining_encoder
    serving = config.serving_encoder or settings.serving_encoder
    root = settings.assets_root
    pairs, people = read_asset(root, "pairs", "table"), read_asset(root, "people", "table")
    messages = read_asset(root, "messages", "table")
    conversations = read_asset(root, "conversations", "table")
    profiles = read_asset(root, "contact_profiles", "table")
    templates = read_asset(root, "reply_templates", "table", mining)
    topics = read_asset(root, "response_topics", "table", mining)
    labels = read_asset(root, "dialogue_acts", "table", mining)
    evaluation = read_asset(root, "holdout_evaluation", "table", serving)
    calibration = Calibration.from_json(read_asset(root, "router_calibration", "json", serving))
    review = summarise(read_asset(root, "gold_pair_review", "table"), pairs)
    verdict = gate(evaluation, review.gold)
    if verdict.verdict == "fail" and not config.publish_anyway:
        raise ReleaseError(
            f"{verdict.reasons[0]} The previous release stays; look at {settings.reports / serving}.html, and run "
            "`jarvis mine --publish-anyway` if you disagree."
        )
    # A partition's labels were made in the run that made its vectors, row by row from the pairs of that time.
    for encoder in dict.fromkeys([mining, serving]):
        require_same_pairs(pairs, read_asset(root, "dialogue_acts", "table", encoder), encoder)
        made_by.require_current("pair_vectors", asset_path(root, "pair_vectors", "array", encoder), settings)
    vectors, index = (
        read_asset(root, asset, kind, serving)
        for asset, kind in (("pair_vectors", "array"), ("trigger_index", "index"))
    )
    require_same_rows(index, vectors, serving)
    bank = assemble_bank(
        pairs,
        vectors,
        index,
        labels,
        topics,
        read_asset(root, "dialogue_act_model", "json", serving),
        people,
        profiles,
        settings,
        templates=templates,
        recent=recent_messages(messages, conversations),
    )

    def fill(folder: Path) -> None:
        bank.save(folder)
        calibration.save(folder)

    own = evaluation[evaluation["system"] == "retrieval"].dropna(subset=["value"])
    manifest = {
        "source": metadata.latest(context.instance, "chat_db_snapshot").get("source"),
        "mining_encoder": mining,
        "serving_encoder": serving,
        **encoder_pins(serving, settings=settings)._asdict(),
        "counts": {
            "messages": len(messages),
            "people": len(people),
            "conversations": len(conversations),
            "pairs": len(pairs),
            "templates": len(templates),
            "replies": len(bank.replies),
        },
        "measured": metadata.latest(context.instance, "holdout_evaluation", serving).get("stands"),
        "metrics": {str(row.measure): float(row.value) for row in own.itertuples()},
        "verdict": verdict.verdict,
        "run_id": context.run_id,
    }
    release = releases.publish(settings.releases, fill, manifest, keep=settings.keep_releases)
    _latest_report(settings.reports, serving)
    return dg.MaterializeResult(
        metadata={
            "release": release.name,
            "dagster/uri": release.path.as_uri(),
            "mining_encoder": mining,
            "serving_encoder": serving,
            "verdict": verdict.verdict,
            "bytes": sum(file["bytes"] for file in release.manifest["files"].values()),
            **{f"counts/{name}": count for name, count in manifest["counts"].items()},
        }
    )


def _latest_report(reports: Path, encoder: str) -> None:
    """``latest.html`` is the report of the release that serves."""
    made = reports / f"{encoder}.html"
    if made.is_file():
        with made.open("rb") as source:
            write_private(reports / "latest.html", source.read())
