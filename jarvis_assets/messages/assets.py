"""chat.db → messages, people, conversations: what was said, by whom, where."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd

from jarvis_assets import metadata, progress
from jarvis_assets.constants import OWNERS, READ_RETRY
from jarvis_assets.evaluation import plots
from jarvis_assets.failures import explained
from jarvis_resources import tables
from jarvis_resources.dagster_resources import JarvisSettings
from jarvis_resources.errors import ChatDatabaseError
from jarvis_resources.imessage import messages as reader
from jarvis_resources.imessage.contacts import Contact, read_contacts
from jarvis_resources.imessage.ios_backup import is_ios_backup, read_backup_contacts
from jarvis_resources.imessage.snapshot import take_snapshot
from jarvis_resources.settings import Settings
from jarvis_serving.understanding import relationship

GROUP = "messages"


class ChatDatabase(dg.Config):
    """Which Messages database to read."""

    chat_db: str = ""
    """Path of chat.db; empty: the setting ``chat_db``."""


@dg.asset(group_name=GROUP, kinds={"sqlite"}, owners=OWNERS, code_version="1", retry_policy=READ_RETRY)
def chat_db_snapshot(
    context: dg.AssetExecutionContext, config: ChatDatabase, jarvis: JarvisSettings
) -> dg.MaterializeResult[None]:
    """A consistent copy of chat.db, rows still in its write-ahead log included; the original is only read.

    While the original stays as it was, so does the copy.
    """
    settings = jarvis.load()
    source = Path(config.chat_db or settings.chat_db).expanduser().absolute()
    with explained():
        snapshot = take_snapshot(source, settings.snapshots, progress=progress.tracker(context, "copying chat.db"))
    for warning in snapshot.warnings:
        context.log.warning(warning)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(snapshot.digest),
        metadata={
            "dagster/uri": snapshot.path.as_uri(),
            "source": dg.MetadataValue.path(source),
            "bytes": snapshot.size,
            "method": snapshot.method,
            "stale": snapshot.stale,
            "reused": snapshot.reused,
            "digest": snapshot.digest,
        },
    )


@dg.multi_asset(
    outs={
        name: dg.AssetOut(
            group_name=GROUP,
            kinds={"parquet"},
            owners=OWNERS,
            code_version="1",
            io_manager_key="table_io",
            description=tables.ALL[name].row,
        )
        for name in ("messages", "people", "conversations")
    },
    internal_asset_deps={name: {dg.AssetKey("chat_db_snapshot")} for name in ("messages", "people", "conversations")},
    deps=[chat_db_snapshot],
    name="history",
)
def history(context: dg.AssetExecutionContext, jarvis: JarvisSettings) -> Iterator[dg.Output[Any]]:
    """Every message row with its exact text and kind, every person, every conversation, read from the snapshot."""
    settings = jarvis.load()
    read = reader.read_history(
        settings.snapshots / "chat.db",
        country=settings.country,
        progress=progress.tracker(context, "reading messages"),
        contacts=_names(context, settings),
        kept=settings.snapshots / "read",
    )
    for loss in read.report.losses:
        context.log.warning(loss)
    drawn = tables.MESSAGES.to_pandas(read.messages.select(["kind", "sent_at", "is_from_me"]))
    yield dg.Output(
        read.messages,
        output_name="messages",
        metadata={
            "volume": metadata.picture(plots.message_volume(drawn), "messages per month"),
            "rows_read": read.report.rows_read,
            **metadata.of_table(tables.MESSAGES, read.messages, settings),
            **metadata.counts("kinds", read.report.kinds),
            **metadata.counts("damaged bodies", read.report.corrupt_reasons),
        },
    )
    for name, frame in (("people", read.people), ("conversations", read.conversations)):
        yield dg.Output(frame, output_name=name, metadata=metadata.of_table(tables.ALL[name], frame, settings))


def _names(context: dg.AssetExecutionContext, settings: Settings) -> tuple[Contact, ...]:
    """The Mac's address books; without permission people stay known by their handles."""
    read = read_backup_contacts if is_ios_backup(settings.address_book) else read_contacts
    try:
        return tuple(read(settings.address_book, settings.country))
    except ChatDatabaseError as error:
        context.log.warning(f"People stay without names: {error}")
        return ()


@dg.asset(group_name=GROUP, kinds={"parquet"}, owners=OWNERS, code_version="1", io_manager_key="table_io")
def contact_profiles(
    messages: pd.DataFrame, people: pd.DataFrame, conversations: pd.DataFrame, jarvis: JarvisSettings
) -> dg.MaterializeResult[pd.DataFrame]:
    """How the owner and each person write to each other, with a guess of what they are to each other."""
    profiles = relationship.profile(messages, people, conversations)
    return dg.MaterializeResult(
        value=profiles, metadata=metadata.of_table(tables.CONTACT_PROFILES, profiles, jarvis.load())
    )
