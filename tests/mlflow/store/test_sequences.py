"""Any sequence of calls: ours and MLflow's own database store agree on each outcome, and on what is there then."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from tests.mlflow.store.oracle import Both, told

MOMENT = 1_800_000_000_000
CALLS = 30


class Replay:
    """One store, to which a sequence is played."""

    def __init__(self, client: Any, name: str) -> None:
        self.client = client
        self.experiment = client.create_experiment(name)
        self.runs: list[str] = []

    def play(self, chance: random.Random, at: int) -> str:
        """One call by chance, and what came of it."""
        from mlflow.exceptions import MlflowException

        call = chance.choice([self._begin, *[self._log] * 4, *[self._change] * 4, self._of_the_experiment])
        try:
            call(chance, self.runs[chance.randrange(3) % len(self.runs)] if self.runs else "f" * 32, at)
        except MlflowException as error:
            return str(error.error_code)
        return "done"

    def state(self) -> Any:
        """All that is there."""
        runs = [told(self.client.get_run(run_id)) for run_id in self.runs]
        for run in runs:
            if run["status"] == "RUNNING":  # of a resumed one MLflow keeps the end that it had
                run["times"] = run["times"][:1]
        about = self.client.get_experiment(self.experiment)
        views = [self.client.search_runs([self.experiment], run_view_type=view) for view in (1, 2, 3)]
        return runs, about.lifecycle_stage, about.tags, [sorted(run.info.run_name for run in view) for view in views]

    def _begin(self, chance: random.Random, _: str, at: int) -> None:
        run = self.client.create_run(self.experiment, at, {"z": "1"}, f"run {len(self.runs)}")
        self.runs.append(run.info.run_id)

    def _log(self, chance: random.Random, run_id: str, at: int) -> None:
        from mlflow.entities import Metric, Param, RunTag

        client, key, text, value = (
            self.client,
            chance.choice("abc"),
            chance.choice(["1", "x", "1e-05"]),
            chance.random(),
        )
        ways: list[Callable[[], Any]] = [
            lambda: client.log_metric(run_id, key, value, at, at - MOMENT),
            lambda: client.log_param(run_id, key, text),
            lambda: client.set_tag(run_id, key, text),
            lambda: client.log_batch(
                run_id, [Metric(key, value, at, at - MOMENT)], [Param(key * 2, text)], [RunTag(key * 2, text)]
            ),
        ]
        chance.choice(ways)()

    def _change(self, chance: random.Random, run_id: str, at: int) -> None:
        client, status = self.client, chance.choice(["FINISHED", "FAILED", "KILLED"])
        ways: list[Callable[[], Any]] = [
            lambda: client.delete_tag(run_id, "a"),
            lambda: client.delete_run(run_id),
            lambda: client.restore_run(run_id),
            lambda: client.set_terminated(run_id, status, at),
            lambda: client.update_run(run_id, "RUNNING"),
            lambda: client.update_run(run_id, name=f"named {at - MOMENT}"),
        ]
        chance.choice(ways)()

    def _of_the_experiment(self, chance: random.Random, _: str, at: int) -> None:
        ways: list[Callable[[], Any]] = [
            lambda: self.client.delete_experiment(self.experiment),
            lambda: self.client.restore_experiment(self.experiment),
            lambda: self.client.set_experiment_tag(self.experiment, "a", at),
            lambda: self.client.delete_experiment_tag(self.experiment, "a"),
        ]
        chance.choice(ways)()


@pytest.mark.parametrize("seed", range(6))
def test_any_sequence_of_calls_ends_alike(both: Both, seed: int) -> None:
    """Call by call the same outcome or error code, and in the end the same runs, tags and stages."""
    outcomes, states = [], []
    for client in (both.ours, both.theirs):
        chance = random.Random(seed)
        replay = Replay(client, both.prefix)
        outcomes.append([replay.play(chance, MOMENT + call) for call in range(CALLS)])
        states.append(replay.state())

    assert outcomes[0] == outcomes[1]
    assert states[0] == states[1]
