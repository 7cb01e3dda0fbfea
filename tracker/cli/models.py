"""steplog models: which models there are, what became of them, and what is to become of them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingest.errors import RunNotFound
from ingest.layout import Layout
from ingest.objects.address import Address
from readers.models import Models
from readers.visible import visible
from tracker.cli import modelviews, uploading
from tracker.cli.options import DEFAULT_STORE, AskedWrongly, JsonOption, StoreOption, asking, open_layout, open_store
from tracker.cli.screen import cell, console, print_json, size

if TYPE_CHECKING:
    from tracker.modelregistry import ModelRegistry

app = typer.Typer(
    help="List models, or with a command look at one, promote, tag, delete or export its versions.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The model's name, as given to log_model.")]
VersionArgument = Annotated[
    str | None,
    typer.Argument(metavar="[VERSION]", help="A version's number, or an alias; the latest if left out."),
]
OneVersionArgument = Annotated[str, typer.Argument(metavar="VERSION", help="A version's number, or an alias.")]


@app.callback(invoke_without_command=True)
def models(
    context: typer.Context,
    *,
    name: Annotated[
        str | None, typer.Option("--name", "-n", metavar="NAME", help="Only this model: one line a version.")
    ] = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """List models, or with a command look at one, promote, tag, delete or export its versions.

    Example: steplog models --name churn/forest
    """
    if context.invoked_subcommand is not None:
        for option in ("name", "json", "store"):
            source = context.get_parameter_source(option)
            if source is not None and source.name == "COMMANDLINE":
                raise AskedWrongly(f"--{option} stands behind {context.invoked_subcommand!r}, not before it")
        return
    found = list(Models(open_layout(store)).entries(name))
    if json:
        print_json(found)
    elif name is None:
        modelviews.print_models(console(), found)
    else:
        modelviews.print_versions(console(), found)


@app.command("show")
def show(
    name: NameArgument, version: VersionArgument = None, *, json: JsonOption = False, store: StoreOption = DEFAULT_STORE
) -> None:
    """Show one version: what it is, where it comes from, and what happened to it."""
    from readers.modelhistory import model_history
    from readers.modellineage import model_lineage

    opened = open_store(store)
    found = Models(opened.layout)
    number = found.resolve(name, version)
    lineage = model_lineage(opened, name, number)
    history = [change for change in model_history(found, name) if number in {change["version"], change["before"]}]
    if json:
        print_json({**lineage, "history": history})
    else:
        modelviews.print_lineage(console(), lineage, history)


@app.command("compare")
def compare(
    name: NameArgument,
    versions: Annotated[
        list[str] | None, typer.Argument(metavar="[VERSION]...", help="Numbers or aliases; all if left out.")
    ] = None,
    *,
    metric: Annotated[
        list[str] | None, typer.Option("--metric", "-m", metavar="METRIC", help="Only this metric; can be repeated.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            "--plot", metavar="FILE", help="Also draw the first --metric over all versions: .png, .svg, .pdf."
        ),
    ] = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Compare versions: metrics with the best marked, and what differs in params, data, code, signature."""
    from readers.modelcomparison import compare_versions

    if plot is not None and not metric:
        raise AskedWrongly("--plot needs --metric METRIC: which one is to be drawn?")
    opened = open_store(store)
    compared = compare_versions(opened, name, versions or None, metric)
    if json:
        rows = [
            {**row._asdict(), "values": dict(zip(compared.versions, row.values, strict=True))} for row in compared.rows
        ]
        print_json({"name": name, "versions": compared.versions, "rows": rows})
    else:
        console().print(compared.grid())
    if plot is not None and metric:
        with asking():
            _draw(opened.layout, name, metric[0], plot)
        if not json:
            console().print(cell(f"picture of {metric[0]}: {plot}", "dim"))


@app.command("promote")
def promote(
    name: NameArgument,
    version: VersionArgument = None,
    *,
    to: Annotated[str, typer.Option("--to", metavar="PLACE", help="The alias that is to mean it, and its stage.")] = (
        "production"
    ),
    keep: Annotated[
        bool, typer.Option("--keep-existing", help="Don't archive the versions that have this stage now.")
    ] = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Let a version take a place such as production; the one before is archived.

    Example: steplog models promote churn/forest 7 --to production
    """
    with _changing(store) as registry, asking():
        done = registry.promote(name, registry.resolve(name, version), to, archive_existing=not keep)
    if json:
        print_json(done._asdict())
        return
    before = "" if done.before in {None, done.version} else f", in place of version {done.before}"
    archived = f"; archived: {', '.join(map(str, done.archived))}" if done.archived else ""
    _say(f"{name}: version {done.version} is {to!r} now{before}{archived}")


@app.command("tag")
def tag(
    name: NameArgument,
    version: OneVersionArgument,
    tags: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Tags to be set.")] = None,
    *,
    remove: Annotated[
        list[str] | None, typer.Option("--remove", metavar="KEY", help="Take this tag away; can be repeated.")
    ] = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Set tags of a version, or take them away.

    Example: steplog models tag churn/forest 7 stage=staging owner=anna
    """
    wanted: dict[str, object] = dict.fromkeys(remove or ())
    for text in tags or ():
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise AskedWrongly(f"{text!r} is no tag; give KEY=VALUE, as in stage=staging, or --remove KEY")
        wanted[key] = value
    if not wanted:
        raise AskedWrongly("tag it with what? Give KEY=VALUE, as in stage=staging, or --remove KEY")
    with _changing(store) as registry:
        number = registry.resolve(name, version)
        with asking():
            registry.set_tags(name, number, wanted)
        there = registry.tags(name, number)
    if json:
        print_json({"name": name, "version": number, "tags": there})
    else:
        said = ", ".join(f"{key}={value}" for key, value in there.items()) or "no tags"
        _say(f"{name}: version {number} has {said}")


@app.command("alias")
def alias(
    name: NameArgument,
    alias: Annotated[str, typer.Argument(metavar="ALIAS", help="Such as best.")],
    version: VersionArgument = None,
    *,
    remove: Annotated[bool, typer.Option("--remove", help="Take the alias away.")] = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Let an alias mean a version, and no other from now on; or take it away."""
    if remove and version is not None:
        raise AskedWrongly("--remove takes the alias away, whatever it means; leave the version out")
    with _changing(store) as registry:
        if remove:
            registry.check_alias(name, alias)
        number = None if remove else registry.resolve(name, version)
        with asking():
            before = registry.set_alias(name, alias, number)
    if json:
        print_json({"name": name, "alias": alias, "version": number, "before": before})
    else:
        now = "is no alias any more" if number is None else f"means version {number} now"
        was = f"; it meant version {before}" if before not in {None, number} else ""
        _say(f"{name}: {alias!r} {now}{was}")


@app.command("delete")
def delete(
    name: NameArgument,
    version: OneVersionArgument,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also where an alias means it; the alias is taken away.")
    ] = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Delete a version for good; its number is never given again, and its run still says that it was there."""
    from tracker.modelregistry import ModelRegistry

    registry = ModelRegistry(open_layout(store))
    number = registry.resolve(name, version)
    if not yes and not _confirmed(f"Delete version {number} of model {name!r} for good?"):
        raise AskedWrongly("nothing was deleted; --yes doesn't ask")
    about = registry.delete(name, number, force=force)
    _tell_run(store, name, number, about)
    if json:
        print_json({"name": name, "version": number, "deleted": True})
    else:
        _say(f"{name}: version {number} is deleted")


@app.command("export")
def export(
    name: NameArgument,
    version: OneVersionArgument,
    *,
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="The folder to copy it to; it is made.")],
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Copy a version's file and its description to a folder, verified.

    Example: steplog models export churn/forest production --to deploy/
    """
    from readers.modelexport import export_model

    found = Models(open_layout(store))
    try:
        done = export_model(found, name, found.resolve(name, version), to, replace=force)
    except FileExistsError as error:
        if force or error.filename is None:
            raise
        raise AskedWrongly(f"{error.filename!r} is there already; --force replaces it") from error
    if json:
        print_json({"path": str(done.path), "info": str(done.info), "size": done.size, "sha256": done.sha256})
    else:
        _say(f"{done.path}  {size(done.size)}, and {done.info.name}")


@contextmanager
def _changing(store: str) -> "Iterator[ModelRegistry]":
    """The models of a store, to be changed; with an address, in its spool, which is uploaded at the end."""
    from tracker.modelregistry import ModelRegistry

    layout = open_layout(store)
    if layout.adopts:
        yield ModelRegistry(layout)
        return
    own = uploading.spool_of(Address.of(store))
    yield ModelRegistry(layout, own.layout)
    uploading.send(own)


def _draw(layout: Layout, name: str, metric: str, path: Path) -> None:
    from readers.best import direction
    from readers.figures.modelevolution import model_evolution_figure
    from readers.figures.style import save
    from readers.modelevolution import model_evolution

    save(model_evolution_figure(model_evolution(Models(layout), name, metric, direction(metric))), path)


def _tell_run(store: str, name: str, number: int, about: dict[str, Any]) -> None:
    """Write it among the facts of the run that logged the version, if the store has that run."""
    from readers.dashboard.control import Controls

    run_id = about["was"].get("run_id")
    try:
        if run_id:
            told = {f"{name}@{number}": {"by": about["by"], "version": number}}
            Controls(open_store(store), by="steplog models").tell(run_id, "model_deleted", told)
    except RunNotFound:  # the model's folder says it
        return


def _confirmed(question: str) -> bool:
    """Ask on stderr; only a yes is one."""
    print(f"{visible(question)} [y/N] ", end="", file=sys.stderr, flush=True)  # noqa: T201 - the command's own voice
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _say(text: str) -> None:
    console().print(cell(text), soft_wrap=True)
