"""The machine's metrics are sampled in the background, and watching harms nothing."""

import logging
import math
import multiprocessing
import threading
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from ingest.errors import NoActiveRun
from tracker import system
from tracker.system import SystemSampler


def test_a_sample_tells_how_busy_the_machine_is() -> None:
    """CPU, memory, process and disk are numbers under system/; rates come with the second sample."""
    logged: list[Mapping[str, float]] = []
    sampler = SystemSampler(logged.append)
    first, second = sampler.sample_once(), sampler.sample_once()

    assert logged == [first, second]
    assert {name.partition("/")[0] for name in second} == {"system"}
    assert all(math.isfinite(value) for value in second.values())
    assert 0 < first["system/memory_percent"] < 100
    assert first["system/process_memory_mib"] > 1
    assert {"system/cpu_percent", "system/network_sent_mib_s"} <= second.keys() - first.keys()


def test_the_thread_samples_until_it_is_stopped() -> None:
    """It begins soon, goes on by itself, and ends with stop; both twice are once."""
    enough = threading.Event()
    logged: list[Mapping[str, float]] = []

    def log(sample: Mapping[str, float]) -> None:
        logged.append(sample)
        if len(logged) == 3:
            enough.set()

    sampler = SystemSampler(log, interval_s=0.001)
    sampler.start()
    sampler.start()
    assert enough.wait(10)
    sampler.stop()
    sampler.stop()

    taken = len(logged)
    assert names() == []
    assert len(logged) == taken >= 3
    assert "system/cpu_percent" in logged[0]


def test_a_failure_is_said_once_and_sampling_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    """Neither a log call that raises nor a counter that can't be read ends the thread or floods the log."""
    failures, enough = 0, threading.Event()

    def fail(sample: Mapping[str, float]) -> None:
        nonlocal failures
        failures += 1
        if failures == 3:
            enough.set()
        raise RuntimeError("no metrics today")

    sampler = SystemSampler(fail, interval_s=0.001)
    with caplog.at_level(logging.WARNING, "steplog"):
        sampler.start()
        assert enough.wait(10)
        sampler.stop()

    assert [record.getMessage() for record in caplog.records] == [
        "steplog: a sample of the system's metrics failed (said once): RuntimeError('no metrics today')"
    ]


def test_the_end_of_the_run_ends_the_sampling(caplog: pytest.LogCaptureFixture) -> None:
    """A run that ended meanwhile is no failure: the thread ends without a word."""

    def ended(sample: Mapping[str, float]) -> None:
        raise NoActiveRun("the run has ended")

    sampler = SystemSampler(ended, interval_s=0.001)
    sampler.start()
    thread = sampler._thread
    assert thread is not None
    thread.join(10)

    assert not thread.is_alive()
    assert caplog.records == []
    sampler.stop()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_has_no_sampler() -> None:
    """In the child nothing samples, stop returns at once, and a sampler of its own can be started."""
    sampler = SystemSampler(lambda sample: None, interval_s=0.001)
    sampler.start()

    def child(answers: Any) -> None:
        found = names()
        sampler.stop()
        sampler.start()
        answers.put((found, names()))
        sampler.stop()

    fork = multiprocessing.get_context("fork")
    answers = fork.Queue()
    forked = fork.Process(target=child, args=(answers,))
    forked.start()
    assert answers.get(timeout=10) == ([], ["steplog-system"])
    forked.join(10)
    sampler.stop()
    assert forked.exitcode == 0


@pytest.mark.parametrize("interval_s", [0, -1, math.nan])
def test_an_interval_is_a_number_above_zero(interval_s: float) -> None:
    """Anything else would spin, or never sample."""
    with pytest.raises(ValueError, match="interval_s"):
        SystemSampler(lambda sample: None, interval_s=interval_s)


class Nvml:
    """NVIDIA's library as a machine with two cards shows it; the second tells no power."""

    NVML_TEMPERATURE_GPU = 0

    class NVMLError(Exception):
        """The library's own error."""

    def __getattr__(self, name: str) -> Any:
        answers = {
            "nvmlDeviceGetCount": lambda: 2,
            "nvmlDeviceGetHandleByIndex": lambda index: index,
            "nvmlDeviceGetName": lambda card: b"Card",
            "nvmlDeviceGetUtilizationRates": lambda card: SimpleNamespace(gpu=50 + card),
            "nvmlDeviceGetMemoryInfo": lambda card: SimpleNamespace(used=2**30),
            "nvmlDeviceGetTemperature": lambda card, kind: 40,
            "nvmlDeviceGetPowerUsage": self.power,
        }
        return answers[name]

    def power(self, card: int) -> int:
        """Give milliwatts, of the first card only."""
        if card:
            raise self.NVMLError("not supported")
        return 70_000


def test_each_gpu_is_sampled_as_far_as_it_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a card doesn't know is left out; the rest is under its number."""
    monkeypatch.setattr(system, "_nvml", Nvml)
    sample = SystemSampler(lambda sample: None).sample_once()

    assert {name: value for name, value in sample.items() if "gpu" in name} == {
        "system/gpu0_utilization_percent": 50.0,
        "system/gpu0_memory_used_gib": 1.0,
        "system/gpu0_temperature_c": 40.0,
        "system/gpu0_power_w": 70.0,
        "system/gpu1_utilization_percent": 51.0,
        "system/gpu1_memory_used_gib": 1.0,
        "system/gpu1_temperature_c": 40.0,
    }
    assert system.gpu_names() == ["Card", "Card"]


def names() -> list[str]:
    """Name the sampling threads of this process."""
    return [thread.name for thread in threading.enumerate() if thread.name == "steplog-system"]
