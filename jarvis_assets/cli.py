"""The command ``jarvis``: each command parses, calls one thing below, and prints.

A command imports what it needs when it runs, so that `jarvis --help` and `jarvis suggest` start fast. A
``JarvisError`` becomes one sentence on stderr and the error's exit code; anything else is a bug and keeps its traceback.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from jarvis_resources.errors import JarvisError, SettingsError
from jarvis_resources.settings import Settings, load_settings

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
    help="Private smart replies mined from your own iMessage history. Nothing leaves this machine.",
)
releases_app = typer.Typer(
    no_args_is_help=False, invoke_without_command=True, help="List, verify and roll back releases."
)
app.add_typer(releases_app, name="releases")
encoders_app = typer.Typer(
    no_args_is_help=False, invoke_without_command=True, help="List the encoders; fetch, compare and tune them."
)
app.add_typer(encoders_app, name="encoders")

ChatDb = Annotated[
    Path | None,
    typer.Option(
        "--chat-db",
        readable=False,
        help="The Messages database, or the folder of an iOS backup; default ~/Library/Messages/chat.db.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Contact = Annotated[str | None, typer.Option("--contact", help="Phone number, address or person id of who wrote it.")]

EXAMPLES = ("want to grab lunch tomorrow?", "I got the job!!", "ok thanks")
"""What `jarvis mine` tries at its end: a commitment, good news, and a message that needs no answer."""


@app.command()
def mine(
    chat_db: ChatDb = None,
    encoder: Annotated[
        list[str] | None, typer.Option("--encoder", help="Encoder to mine with; may be repeated.")
    ] = None,
    or_sample: Annotated[
        bool, typer.Option("--or-sample", help="Use the synthetic sample where chat.db cannot be read.")
    ] = False,
    publish_anyway: Annotated[
        bool, typer.Option("--publish-anyway", help="Publish even if the evaluation or the review speaks against it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Mine a history into a published release."""
    from jarvis_assets import mining, terminal

    settings = load_settings().prepare()
    source, is_sample = (chat_db or settings.chat_db).expanduser(), False
    if or_sample and chat_db is None:
        source, is_sample = terminal.history_or_sample(settings)
    with terminal.MiningProgress(quiet=as_json) as shown:
        mined = mining.mine(
            settings, chat_db=source, encoders=encoder or (), listener=shown.step, publish_anyway=publish_anyway
        )
    terminal.print_mined(mined, settings, EXAMPLES, is_sample=is_sample, as_json=as_json)


@app.command()
def sample(
    out: Annotated[Path, typer.Option("--out", help="The chat.db to write; its truth is written beside it.")],
    messages: Annotated[int, typer.Option("--messages", min=0, help="About how many messages.")] = 20_000,
    seed: Annotated[int, typer.Option("--seed", help="The same seed writes the same history.")] = 0,
    as_json: Json = False,
) -> None:
    """Write a synthetic chat.db with known truth."""
    from jarvis_assets import terminal
    from jarvis_resources.imessage.sample import write_sample

    report = write_sample(out.expanduser(), messages=messages, seed=seed)
    terminal.print_facts(
        {
            "database": str(report.path),
            "truth": str(report.truth_path),
            "messages": report.messages,
            "distinct texts": report.distinct_texts,
            "conversations": report.conversations,
        },
        as_json=as_json,
    )


@app.command()
def suggest(
    text: Annotated[str, typer.Argument(help="The message to answer.")],
    contact: Contact = None,
    group: Annotated[bool, typer.Option("--group", help="It was sent in a group.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what POST /drafts/smart-reply answers.")] = False,
) -> None:
    """Suggest replies to a message."""
    from jarvis_assets import terminal
    from jarvis_serving import Suggester

    suggestion = Suggester.load(load_settings()).suggest(text, contact=contact, is_group=group)
    if as_json:
        terminal.print_json(suggestion.to_json())
    else:
        terminal.print_suggestion(text, suggestion)


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="What to look for.")],
    limit: Annotated[int, typer.Option("--limit", min=1, max=100, help="Most hits.")] = 10,
    as_json: Json = False,
) -> None:
    """Find past exchanges whose incoming message is like TEXT."""
    from jarvis_assets import terminal
    from jarvis_serving import Suggester

    terminal.print_hits(Suggester.load(load_settings()).search(text, k=limit), as_json=as_json)


@app.command()
def stats(as_json: Json = False) -> None:
    """Show what the latest release knows."""
    from jarvis_assets import terminal
    from jarvis_resources import releases

    terminal.print_release(releases.latest(load_settings().releases), as_json=as_json)


@app.command()
def evaluate(
    encoder: Annotated[
        str | None, typer.Option("--encoder", help="Whose evaluation; default: the serving encoder.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show how every system did on the holdout when it was last measured; the report says when."""
    from jarvis_assets import terminal

    terminal.print_evaluation(load_settings(), encoder, as_json=as_json)


@encoders_app.callback()
def list_encoders(context: typer.Context, as_json: Json = False) -> None:
    """List the encoders: here or not, what each takes, what can run it here, how fast it was."""
    if context.invoked_subcommand is None:
        from jarvis_assets import encoders_terminal

        encoders_terminal.print_encoders(load_settings(), as_json=as_json)


@encoders_app.command("fetch")
def fetch_encoder(
    slug: Annotated[str, typer.Argument(help="The encoder, as `jarvis encoders` lists it.")],
    revision: Annotated[
        str | None,
        typer.Option("--revision", help="A commit, tag or branch; default: the pinned commit, at first the newest."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Fetch an encoder from the Hugging Face hub: the only command that uses the network."""
    from jarvis_assets import encoders_terminal

    encoders_terminal.fetch(slug, load_settings().prepare(), revision=revision, as_json=as_json)


@encoders_app.command("bench")
def bench_encoders(
    encoders: Annotated[
        list[str] | None, typer.Argument(help="Encoders to compare; default: all that are here.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare every way to run an encoder here: speed, memory, quality on your holdout. Takes minutes."""
    from jarvis_assets import encoders_terminal

    encoders_terminal.bench(load_settings().prepare(), encoders or [], as_json=as_json)


@encoders_app.command("tune")
def tune_encoder(
    base: Annotated[str, typer.Option("--base", help="The encoder to start from.")] = "all-minilm-l6-v2",
    recipe: Annotated[
        list[str] | None,
        typer.Option("--recipe", help="mnrl, conversations or joint; may be repeated: dev chooses. Default: mnrl."),
    ] = None,
    minutes: Annotated[float, typer.Option("--minutes", help="Most minutes of training for each recipe.")] = 5.0,
    steps: Annotated[int, typer.Option("--steps", min=1, help="Most steps of training for each recipe.")] = 240,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed and steps give the same weights.")] = 0,
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.")] = "auto",
    replace_served: Annotated[
        bool, typer.Option("--replace-served", help="Replace it even if the latest release serves with it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Fine-tune an encoder on your pairs, and keep it if the holdout says it is better."""
    from jarvis_assets import tuning_terminal

    config = {
        "base": base, "recipes": recipe or ["mnrl"], "minutes": minutes, "steps": steps, "seed": seed,
        "device": device, "replace_served": replace_served,
    }  # fmt: skip
    tuning_terminal.tune(load_settings().prepare(), config, as_json=as_json)


@app.command()
def doctor(chat_db: ChatDb = None, as_json: Json = False) -> None:
    """Count what is there, estimate what mining gives and costs, and say go or no-go; writes the day-one report."""
    from jarvis_assets import terminal
    from jarvis_assets.doctor import day_one
    from jarvis_assets.doctor.examination import examine

    settings = load_settings().prepare()
    found = examine((chat_db or settings.chat_db).expanduser(), settings)
    terminal.print_examination(found, day_one.write(found, settings), as_json=as_json)
    if not found.decision.go:
        raise typer.Exit(1)


@app.command()
def review(
    count: Annotated[int | None, typer.Option("--count", min=1, help="How many pairs; default 50.")] = None,
    gold: Annotated[
        int | None, typer.Option("--gold", min=1, help="Gold pairs only, this many at random: 100 on day one.")
    ] = None,
    reviewer: Annotated[
        str, typer.Option("--reviewer", help="Somebody else, for a second opinion on a fifth of yours.")
    ] = "owner",
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed draws the same pairs.")] = 0,
    summary: Annotated[bool, typer.Option("--summary", help="Show what the verdicts say, and ask nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Judge sampled pairs, one key each: is this the message you answered?"""
    from jarvis_assets import review_terminal

    settings = load_settings().prepare()
    if count and gold:
        raise SettingsError("Give --count or --gold, not both.")
    if summary:
        review_terminal.print_summary(settings, as_json=as_json)
        return
    code = review_terminal.review(settings, count=count, gold=gold, reviewer=reviewer, seed=seed, as_json=as_json)
    raise typer.Exit(code)


@app.command()
def serve(
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="Port on the loopback interface.")
    ] = None,
) -> None:
    """Serve suggestions over HTTP on this machine, with a page to try them."""
    from jarvis_serving import api

    api.serve(load_settings(port=port).prepare())


@app.command()
def ui(port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 3000) -> None:
    """Open the Dagster UI on the graph: assets, runs, schedules, plots."""
    import os

    from jarvis_assets import mining

    mining.prepare_instance(load_settings())
    arguments = ["dagster", "dev", "-m", "jarvis_assets.definitions", "-h", "127.0.0.1", "-p", str(port)]
    os.execv(sys.executable, [sys.executable, "-m", *arguments])


@releases_app.callback()
def list_releases(context: typer.Context, as_json: Json = False) -> None:
    """List the releases, newest first."""
    if context.invoked_subcommand is None:
        from jarvis_assets import terminal
        from jarvis_resources import releases

        terminal.print_releases(releases.listing(_releases_root()), as_json=as_json)


@releases_app.command("verify")
def verify_release(name: Annotated[str | None, typer.Argument(help="Default: the latest.")] = None) -> None:
    """Compare every file of a release with its checksum."""
    from jarvis_resources import releases

    root = _releases_root()
    release = releases.verify(releases.load(root, name) if name else releases.latest(root))
    typer.echo(f"{release.name} is whole.")


@releases_app.command("rollback")
def roll_back() -> None:
    """Make the release before the latest the latest."""
    from jarvis_resources import releases

    typer.echo(f"{releases.rollback(_releases_root()).name} is the latest release now.")


def _releases_root() -> Path:
    settings: Settings = load_settings()
    if not settings.releases.is_dir():
        raise SettingsError(f"There is nothing in {settings.home} yet; run `jarvis mine` first.")
    return settings.releases


def main() -> None:
    """Run the command line; exits with 0 only when the command did its job."""
    try:
        app()
    except JarvisError as error:
        print(f"jarvis: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
