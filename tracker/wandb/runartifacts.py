# ruff: noqa: ARG002 - the signatures are wandb's
"""The calls of a run that are about files."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracker.wandb.artifactfiles import USED, Artifact
from tracker.wandb.errors import UnsupportedError, UsageError
from tracker.wandb.initsettings import Options
from tracker.wandb.runabout import RunAbout
from tracker.wandb.runfiles import RunFiles

if TYPE_CHECKING:
    from tracker.experiment import ExperimentTracker


class RunArtifacts(RunAbout):
    """The part of Run that keeps files."""

    def __init__(self, options: Options, tracker: "ExperimentTracker | None", run_id: str, *, resumed: bool) -> None:
        super().__init__(options, tracker, run_id, resumed=resumed)
        self._files = RunFiles(tracker, run_id, options.dir)

    @property
    def dir(self) -> str:
        """A folder for files, ./wandb/run-<id>/files; what lies in it at the run's end becomes artifacts of the run."""
        return self._files.dir

    def save(
        self, glob_str: Any = None, base_path: Any = None, policy: str = "live", glob: bool = True
    ) -> bool | list[str]:
        """Copy files into the run. See runfiles.RunFiles.save."""
        self._check_active("save")
        return True if glob_str is None else self._files.save(glob_str, base_path, policy)

    def log_artifact(
        self,
        artifact_or_path: Any,
        name: str | None = None,
        type: str | None = None,  # noqa: A002 - wandb's name
        aliases: Sequence[str] | None = None,
        tags: Sequence[str] | None = None,
    ) -> Artifact:
        """Log an Artifact, or a file or folder as one, as a new version of its name.

        Raises: ValueError: no such file.
        """
        self._check_active("log_artifact")
        artifact = artifact_or_path
        if not isinstance(artifact, Artifact):
            path = Path(artifact_or_path)
            artifact = Artifact(name or f"run-{self.id}-{path.name}", type or "unspecified")
            if path.is_dir():
                artifact.add_dir(path)
            else:
                artifact.add_file(path)
        if self._tracker is not None:
            words = [aliases] if isinstance(aliases, str) else list(aliases or [])
            artifact.keep(self._tracker, self.id, self.project, words)
        return artifact

    def use_artifact(
        self,
        artifact_or_name: Any,
        type: str | None = None,  # noqa: A002 - wandb's name
        aliases: Sequence[str] | None = None,
        use_as: str | None = None,
    ) -> Artifact:
        """Find an artifact of the project, and note that the run uses it (a fact of kind "wandb.used").

        Raises: errors.CommError: there is none.
        """
        self._check_active("use_artifact")
        found = artifact_or_name
        if self._tracker is None:
            raise UsageError("use_artifact: nothing is stored in mode 'disabled', so nothing can be found")
        if not isinstance(found, Artifact):
            found = Artifact.found(self._tracker, str(artifact_or_name), self.project)
        elif not found.version:
            self.log_artifact(found, aliases=aliases)
        self._tell(USED, found.name, {"type": found.type, "use_as": use_as})
        return found

    def log_model(self, path: Any, name: str | None = None, aliases: Sequence[str] | None = None) -> None:
        """Log a file or folder as an artifact of type "model"."""
        self.log_artifact(path, name or f"run-{self.id}-model", "model", aliases)

    def use_model(self, name: str) -> str:
        """Give the path of a model that was logged, copied here."""
        found = self.use_artifact(name)
        folder = found.download()
        return str(Path(folder, found.files()[0])) if len(found.files()) == 1 else folder

    def link_model(
        self, path: Any, registered_model_name: str, name: str | None = None, aliases: Sequence[str] | None = None
    ) -> None:
        """Log a file or folder as an artifact under the registered model's name."""
        self.log_artifact(path, registered_model_name, "model", aliases)

    def link_artifact(self, artifact: Artifact, target_path: str, aliases: Sequence[str] | None = None) -> Artifact:
        """Log an artifact; the link itself is not kept, and that is said once."""
        self._say_not_kept("links of wandb.link_artifact", "the artifact itself is")
        return self.log_artifact(artifact, aliases=aliases)

    def log_code(self, root: str | None = ".", name: str | None = None, **_: Any) -> None:
        """Keep nothing, and say so once."""
        self._say_not_kept("the files of log_code", "the run has the git commit and the diff")

    def restore(self, name: str, *_: Any, **__: Any) -> None:
        """Raise: files come from artifacts. Raises: UnsupportedError."""
        raise UnsupportedError(f"restore({name!r}): use run.use_artifact(...).download(), or tracker.load_artifact")
