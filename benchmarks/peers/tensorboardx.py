"""tensorboardX: TensorBoard's event files without TensorFlow."""
# mypy: disable-error-code="import-not-found, import-untyped, no-untyped-call"

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.peers.contract import NUMPY, LogCall


class TensorBoardX:
    """A SummaryWriter; one `add_scalar` a metric, which is how it is used."""

    name = "tensorboardX"
    requirements = ("tensorboardX==2.6.5", "protobuf==7.36.2", NUMPY)
    settings = "defaults (max_queue=10, flush_secs=120)"
    environment: Mapping[str, str] = {}

    def open(self, folder: Path) -> LogCall:
        """Start a run that writes below `folder`."""
        from tensorboardX import SummaryWriter

        self._writer: Any = SummaryWriter(str(folder))
        add_scalar = self._writer.add_scalar

        def log(metrics: dict[str, float], step: int) -> None:
            for key, value in metrics.items():
                add_scalar(key, value, step)

        return log

    def close(self) -> None:
        """Close the writer."""
        self._writer.close()

    def count_points(self, folder: Path) -> int | None:
        """Records of the event files; the first of each is its header."""
        return count_events(folder)


def count_events(folder: Path) -> int:
    """Records in a folder's event files, less one a file; a record is `<u64 length><u32 crc>payload<u32 crc>`."""
    total = 0
    for path in folder.rglob("events.out.tfevents.*"):
        end, offset, records = path.stat().st_size, 0, 0
        with path.open("rb") as file:
            while offset + 12 <= end:
                file.seek(offset)
                offset += 16 + int.from_bytes(file.read(8), "little")
                records += offset <= end
        total += max(0, records - 1)
    return total
