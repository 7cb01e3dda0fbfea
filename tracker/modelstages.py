"""What becomes of a model's versions: aliases, tags and stages, promotion, deletion.

None of it needs a run: a model is promoted later, by somebody who trains nothing. It is written to the model's folder
(see modelregistry) with who did it and when; a run that is active has it among its facts too.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ingest.errors import NoActiveRun, RunStateError
from ingest.events import FactLogged
from ingest.jsontext import to_json
from readers.modelhistory import ModelChange, model_history
from readers.models import Models
from tracker.facade import Facade
from tracker.modelregistry import ModelRegistry, Promotion, checked_alias, checked_tags
from tracker.run import ActiveRun

__all__ = ["ModelChange", "ModelStages", "Promotion"]
_T = TypeVar("_T")


class ModelStages(Facade):
    """The methods of the tracker that change what is said of a model's versions."""

    def set_model_alias(self, name: str, alias: str, version: int | str | None = None) -> None:
        """Let an alias such as "best" mean a version, by default the latest; it moves from the one that had it.

        Raises: ModelNotFound: no such model or version. ValueError: the alias is "latest" or a number.
        """
        if self._disabled:
            return
        checked_alias(alias)
        run = self._model_run()

        def change(registry: ModelRegistry) -> int:
            number = registry.resolve(name, version)
            registry.set_alias(name, alias, number, run_id=_id_of(run))
            return number

        try:
            number = self._changed(change)
        except OSError as error:
            self._fault(f"alias {alias!r} of model {name!r}", error)
            return
        self._tell_of_model(run, "alias", {f"{name}@{alias}": number})

    def delete_model_alias(self, name: str, alias: str) -> None:
        """Take an alias away; what it meant stays.

        Raises: ModelNotFound: the model has no such alias. ValueError: it is "latest" or a number.
        """
        if self._disabled:
            return
        checked_alias(alias)
        run = self._model_run()

        def change(registry: ModelRegistry) -> None:
            registry.check_alias(name, alias)
            registry.set_alias(name, alias, None, run_id=_id_of(run))

        try:
            self._changed(change)
        except OSError as error:
            self._fault(f"alias {alias!r} of model {name!r}", error)
            return
        self._tell_of_model(run, "alias", {f"{name}@{alias}": None})

    def set_model_tags(self, name: str, version: int | str | None, tags: Mapping[str, object]) -> None:
        """Set tags of a version: values of any kind, secrets masked; None takes a tag away.

        The tag "stage" says how far it has come: "staging", "production", "archived", or a word of your own.
        Several processes may set tags at once: of the same tag the last one counts, of others none is lost.
        Raises: ModelNotFound: no such model or version. ValueError, TypeError: they aren't tags.
        """
        if self._disabled:
            return
        checked_tags(tags)
        run = self._model_run()
        try:
            self._changed(
                lambda registry: registry.set_tags(name, registry.resolve(name, version), tags, run_id=_id_of(run))
            )
        except OSError as error:
            self._fault(f"tags of model {name!r}", error)

    def promote(
        self,
        name: str,
        version: int | str | None = None,
        to: str = "production",
        *,
        archive_existing: bool = True,
    ) -> Promotion | None:
        """Let a version take a place such as "production": the alias of that name means it, and it is its stage.

        Args:
            version: a number or alias; None for the latest.
            to: the place; any word that can be an alias.
            archive_existing: whether versions that had this stage become "archived"; else they keep it, and only the
                alias moves.

        Returns: what it did; None where the disk failed or the tracker is disabled. The alias is what counts: killed
            in between, the same call again completes it.
        Raises: ModelNotFound: no such model or version. ValueError: `to` can't be an alias.
        """
        if self._disabled:
            return None
        checked_alias(to)
        run = self._model_run()

        def change(registry: ModelRegistry) -> Promotion:
            number = registry.resolve(name, version)
            return registry.promote(name, number, to, archive_existing=archive_existing, run_id=_id_of(run))

        try:
            done = self._changed(change)
        except OSError as error:
            self._fault(f"promotion of model {name!r} to {to!r}", error)
            return None
        self._tell_of_model(run, "alias", {f"{name}@{to}": done.version})
        return done

    def delete_model(self, name: str, version: int | str, *, force: bool = False) -> None:
        """Delete a version: its file and its description. Its number is never given again.

        The run that logged it still says that it was there, and that it was deleted; so does get_model_history.

        Args:
            force: also where an alias means it; then the alias is taken away.

        Raises: ModelInUse: an alias other than "latest" means it. ModelNotFound: no such version, or deleted before.
        """
        if self._disabled:
            return
        run = self._model_run()

        def change(registry: ModelRegistry) -> tuple[int, dict[str, Any]]:
            number = registry.resolve(name, version)
            return number, registry.delete(name, number, force=force, run_id=_id_of(run))

        try:
            number, about = self._changed(change)
        except OSError as error:
            self._fault(f"deleting model {name!r} version {version}", error)
            return
        was = about["was"]
        if was.get("run_id"):
            items = {f"{name}@{number}": to_json({"by": about["by"], "version": number})}
            event = FactLogged(was["run_id"], was["experiment"], self._now(), "model_deleted", items)
            try:
                self._append(event)
            except RunStateError:  # the tracker is closed; the model's folder says it
                return

    def get_model_history(self, name: str) -> list[ModelChange]:
        """Tell what happened to a model: versions logged and deleted, aliases and tags set; by whom, from what to what.

        Raises: ModelNotFound: there never was a version of it.
        """
        return self._nearest(lambda layout: model_history(Models(layout), name))

    def _changed(self, change: Callable[[ModelRegistry], _T]) -> _T:
        """Change what is said of models: read where they are, written here."""
        return self._nearest(lambda layout: change(ModelRegistry(layout, self.layout)))

    def _model_run(self) -> ActiveRun | None:
        """The run that is active, if one is."""
        try:
            return self._run(None)
        except NoActiveRun:
            return None

    def _tell_of_model(self, run: ActiveRun | None, kind: str, items: Mapping[str, object]) -> None:
        """Log it as a fact of the run that is active, if one is."""
        if run is not None:
            texts = {key: to_json(value) for key, value in items.items()}
            self._append(FactLogged(run.id, run.experiment, self._now(), kind, texts))


def _id_of(run: ActiveRun | None) -> str | None:
    return None if run is None else run.id
