"""TensorBoard's event files, read by tbparse."""
# mypy: disable-error-code="import-not-found, import-untyped, no-untyped-call"

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.peers.contract import NUMPY
from benchmarks.queries_of.contract import Told

if TYPE_CHECKING:
    from benchmarks.query_data import Run


class TensorBoard:
    """A folder a run, written by TensorBoard's own writer, hparams as its plugin wants them.

    Event files have no index: each question is a tbparse `SummaryReader` over all of them (over the folders of the runs
    that are compared), then pandas.
    """

    name = "tensorboard"
    requirements = (
        "tensorboard==2.21.0",
        "tbparse==0.0.9",
        "pandas==3.1.1",
        "protobuf==7.36.2",
        NUMPY,
        "setuptools==80.9.0",
    )
    settings = "event files, one folder a run; tbparse 0.0.9 SummaryReader with the event types that are needed"
    environment: Mapping[str, str] = {}
    questions = ("table", "history", "best", "compare")

    def create(self, folder: Path, runs: "Iterable[Run]") -> list[str]:
        """One event a scalar, as `add_scalar` makes them."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        ids = []
        for number, run in enumerate(runs):
            writer: Any = EventFileWriter(str(folder / run.name), max_queue_size=1000)
            time = 1_700_000_000.0 + number
            writer.add_event(Event(wall_time=time, summary=self._hparams(run.params)))
            for step, metrics in run.calls():
                for name, value in metrics.items():
                    summary = Summary(value=[Summary.Value(tag=name, simple_value=value)])
                    writer.add_event(Event(wall_time=time + step / 1000, step=step, summary=summary))
            writer.close()
            ids.append(run.name)
        return ids

    def open(self, folder: Path) -> None:
        """Import; nothing is opened before a question."""
        from tbparse import SummaryReader

        self._reader: Any = SummaryReader
        self._folder = folder

    def ask(self, question: str, metric: str, run_ids: Sequence[str]) -> Any:
        """Data frames."""
        if question in ("table", "compare"):
            import pandas as pd

            if question == "table":
                return self._runs(self._read(self._folder))
            # A reader of one folder doesn't tell its name.
            each = [self._runs(self._read(self._folder / run_id)) for run_id in run_ids]
            return pd.concat(each, keys=run_ids, names=["dir_name"]).reset_index(level=0, drop=False)
        scalars = self._read(self._folder, "scalars").scalars
        scalars = scalars[scalars["tag"] == metric]
        if question == "history":
            return scalars
        last = scalars.groupby("dir_name")[["value"]].last()
        return last.nlargest(1, "value")

    def told(self, question: str, metric: str, answer: Any) -> Told:
        """The answer in plain numbers."""
        del metric
        if question == "history":
            return {
                "points": len(answer),
                "steps": int(answer["step"].sum()),
                "values": float(answer["value"].sum()),
            }
        if question == "best":
            return {"run": answer.index[0], "value": float(answer["value"].iloc[0])}
        metrics = [name for name in answer.columns if "/" in name or name in ("grad_norm", "epoch_time")]
        return {
            "runs": len(answer),
            "params": int(answer.drop(columns=[*metrics, "dir_name"], errors="ignore").notna().sum().sum()),
            "lr": float(answer["lr"].sum()),
            "metrics": float(answer[metrics].sum().sum()),
        }

    def _read(self, folder: Path, *types: str) -> Any:
        return self._reader(
            str(folder), pivot=False, extra_columns={"dir_name"}, event_types={*(types or ("scalars", "hparams"))}
        )

    @staticmethod
    def _runs(read: Any) -> Any:
        """A row a run: hparams and last scalars."""
        params = read.hparams.set_index(["dir_name", "tag"])["value"].unstack()  # noqa: PD010 - pivot_table takes longer
        last = read.scalars.groupby(["dir_name", "tag"])["value"].last().unstack()  # noqa: PD010
        return params.join(last)

    @staticmethod
    def _hparams(params: dict[str, Any]) -> Any:
        """What the hparams plugin's `session_start_pb` makes, which itself wants TensorFlow."""
        from google.protobuf.struct_pb2 import Value
        from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
        from tensorboard.plugins.hparams import metadata
        from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionStartInfo

        started = SessionStartInfo()
        for name, value in params.items():
            kind = {bool: "bool_value", str: "string_value"}.get(type(value), "number_value")
            started.hparams[name].CopyFrom(Value(**{kind: value}))
        data = HParamsPluginData(session_start_info=started, version=metadata.PLUGIN_DATA_VERSION)
        plugin = SummaryMetadata.PluginData(plugin_name=metadata.PLUGIN_NAME, content=data.SerializeToString())
        described = SummaryMetadata(plugin_data=plugin)
        return Summary(value=[Summary.Value(tag=metadata.SESSION_START_INFO_TAG, metadata=described)])


TOOL = TensorBoard()
