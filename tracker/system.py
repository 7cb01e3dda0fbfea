"""How busy the machine is, sampled in the background: CPU, memory, disk, network, GPU.

The sampler reads counters on a thread of its own. Its failures are said once and cost a sample, and a forked child has
none: threads don't survive a fork, and `stop` there touches nothing of the parent's.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ingest.errors import RunStateError

DEFAULT_INTERVAL_S = 10.0
_FIRST_WAIT_S = 1.0
_MEBI, _GIBI = 1 << 20, 1 << 30
_log = logging.getLogger("steplog")


class SystemSampler:
    """Reads how busy the machine is, every so often, and logs it.

    Args:
        log_metrics: takes one dict of numbers a sample, keys under "system/".
        interval_s: seconds between two samples.
        folder: the disk of which the free space is watched.

    Thread rule: start and stop from any thread; a sample is taken on the sampler's own, or where sample_once is called.
    """

    def __init__(
        self,
        log_metrics: Callable[[Mapping[str, float]], object],
        *,
        interval_s: float = DEFAULT_INTERVAL_S,
        folder: str | os.PathLike[str] = ".",
    ) -> None:
        if not interval_s > 0:
            raise ValueError(f"interval_s is {interval_s}; it is a number of seconds above 0")
        self._log_metrics = log_metrics
        self._interval_s = interval_s
        self._folder = Path(folder).absolute()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._pid = 0
        self._warned = False
        self._last: tuple[float, dict[str, int]] | None = None
        self._process: Any = None
        self._nvml: Any = None

    def start(self) -> None:
        """Begin to sample; twice is once."""
        if self._thread is not None and self._pid == os.getpid():
            return
        self._pid = os.getpid()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, args=(self._stop,), name="steplog-system", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End sampling, and wait for a sample that is being taken; in a forked child there is nothing to end."""
        thread, self._thread = self._thread, None
        if thread is None or self._pid != os.getpid():
            return
        self._stop.set()
        if thread is not threading.current_thread():
            thread.join(timeout_s)

    def sample_once(self) -> dict[str, float]:
        """Take one sample and log it; CPU use and rates need an earlier one to compare with."""
        sample = self._read()
        self._log_metrics(sample)
        return sample

    def _loop(self, stop: threading.Event) -> None:
        """Sample until stopped, or until the run is over."""
        wait_s = min(_FIRST_WAIT_S, self._interval_s)
        going = self._guarded(self._read)  # what the first sample's rates are compared with
        while going and not stop.wait(wait_s):
            going, wait_s = self._guarded(self.sample_once), self._interval_s

    def _guarded(self, step: Callable[[], object]) -> bool:
        """Do a step, say its first failure, and tell whether to go on."""
        try:
            step()
        except RunStateError:
            return False
        except Exception as error:  # noqa: BLE001 - the thread's edge: watching the machine must not harm the run
            self._warn(error)
        return True

    def _warn(self, error: Exception) -> None:
        if not self._warned:
            self._warned = True
            _log.warning("steplog: a sample of the system's metrics failed (said once): %r", error)

    def _read(self) -> dict[str, float]:
        """Read the machine's counters."""
        import psutil

        first = self._process is None
        if first:
            self._process = psutil.Process()
            self._nvml = _nvml()
        memory = psutil.virtual_memory()
        busy = {"cpu_percent": psutil.cpu_percent(), "process_cpu_percent": self._process.cpu_percent()}
        sample = {
            "memory_percent": memory.percent,
            "memory_used_gib": (memory.total - memory.available) / _GIBI,
            "process_memory_mib": self._process.memory_info().rss / _MEBI,
            "disk_used_percent": psutil.disk_usage(str(self._folder)).percent,
            **({} if first else busy),  # psutil's first answers are 0, as there is nothing to compare with
            **self._rates(psutil),
            **_gpu_sample(self._nvml),
        }
        return {f"system/{name}": float(value) for name, value in sample.items()}

    def _rates(self, psutil: Any) -> dict[str, float]:
        """Turn counters that only grow into MiB a second since the last sample."""
        now, disk, network = time.monotonic(), psutil.disk_io_counters(), psutil.net_io_counters()
        counters: dict[str, int] = {}
        if disk is not None:  # None in a container that hides its disks
            counters |= {"disk_read": disk.read_bytes, "disk_write": disk.write_bytes}
        if network is not None:
            counters |= {"network_received": network.bytes_recv, "network_sent": network.bytes_sent}
        before, self._last = self._last, (now, counters)
        if before is None or now <= before[0]:
            return {}
        grown = {name: value - before[1].get(name, value) for name, value in counters.items()}
        return {f"{name}_mib_s": max(0, change) / _MEBI / (now - before[0]) for name, change in grown.items()}


def gpu_names() -> list[str]:
    """Give the names of the NVIDIA GPUs that the driver knows, if its Python library is installed."""
    nvml = _nvml()
    return [] if nvml is None else [_text(nvml.nvmlDeviceGetName(handle)) for handle in _handles(nvml)]


def _nvml() -> Any:
    """Give NVIDIA's management library, ready for use, or None."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


def _handles(nvml: Any) -> list[Any]:
    return [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]


def _gpu_sample(nvml: Any) -> dict[str, float]:
    """Read each GPU; what a card doesn't tell is left out."""
    sample: dict[str, float] = {}
    for index, handle in enumerate(_handles(nvml) if nvml is not None else []):
        questions: tuple[tuple[str, Callable[[Any], float]], ...] = (
            ("utilization_percent", lambda card: nvml.nvmlDeviceGetUtilizationRates(card).gpu),
            ("memory_used_gib", lambda card: nvml.nvmlDeviceGetMemoryInfo(card).used / _GIBI),
            ("temperature_c", lambda card: nvml.nvmlDeviceGetTemperature(card, nvml.NVML_TEMPERATURE_GPU)),
            ("power_w", lambda card: nvml.nvmlDeviceGetPowerUsage(card) / 1000),
        )
        for name, ask in questions:
            try:
                sample[f"gpu{index}_{name}"] = ask(handle)
            except nvml.NVMLError:
                continue
    return sample


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else name
