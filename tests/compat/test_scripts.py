"""Scripts as people publish them run with their import line changed, and nothing else."""

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from readers.imports.importer import import_runs
from readers.imports.tensorboard import TensorBoardLogs
from tests.compat.reading import files, points, runs

DIGITS = """
# A small network on digits, as the examples of PyTorch have it.
import argparse
import os
import torch
from torch import nn
{import_line}


def train(args, model, batches, optimizer, epoch, writer):
    model.train()
    for number, (data, target) in enumerate(batches):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(data), target)
        loss.backward()
        optimizer.step()
        step = epoch * len(batches) + number
        if step % args.log_interval == 0:
            writer.add_scalar("train/loss", loss, step)
            writer.add_scalar("train/lr", optimizer.param_groups[0]["lr"], step)
    for name, weights in model.named_parameters():
        writer.add_histogram("weights/" + name, weights, epoch)


def test(model, batches, epoch, writer):
    model.eval()
    right = total = 0
    with torch.no_grad():
        for data, target in batches:
            right += model(data).argmax(1).eq(target).sum().item()
            total += len(target)
    writer.add_scalars("accuracy", {{"test": right / total, "chance": 0.25}}, epoch)
    writer.add_images("test/digits", data[:4].reshape(4, 1, 4, 4), epoch)
    return right / total


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--log-interval", type=int, default=2)
    parser.add_argument("--log-dir", default=os.path.join("runs", "digits"))
    args = parser.parse_args([])
    torch.manual_seed(1)
    batches = [(torch.rand(8, 16), torch.randint(4, (8,))) for _ in range(6)]
    model = nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 4))
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)
    writer = SummaryWriter(args.log_dir)
    writer.add_graph(model, batches[0][0])
    writer.add_text("args", str(vars(args)))
    for epoch in range(args.epochs):
        train(args, model, batches, optimizer, epoch, writer)
        accuracy = test(model, batches, epoch, writer)
    torch.save(model.state_dict(), os.path.join(writer.log_dir, "model.pt"))
    writer.add_hparams({{"lr": args.lr, "epochs": args.epochs}}, {{"hparam/accuracy": accuracy}}, run_name="hparams")
    writer.close()


if __name__ == "__main__":
    main()
"""
CHARACTERS = """
# A tiny language model with a trainer that has callbacks, and wandb for its records.
import argparse
import math
import os
import torch
from torch import nn
{import_line}


class Trainer:
    def __init__(self, config, model, data):
        self.config, self.model, self.data = config, model, data
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate)
        self.iter_num = 0

    def lr_at(self, step):
        return self.config.learning_rate * 0.5 * (1 + math.cos(math.pi * step / self.config.max_iters))

    def estimate_loss(self):
        self.model.eval()
        with torch.no_grad():
            losses = {{name: self.loss(batch) for name, batch in (("train", self.data[0]), ("val", self.data[1]))}}
        self.model.train()
        return losses

    def loss(self, batch):
        return nn.functional.cross_entropy(self.model(batch[:-1]), batch[1:])

    def run(self):
        best = 1e9
        while self.iter_num < self.config.max_iters:
            lr = self.lr_at(self.iter_num)
            for group in self.optimizer.param_groups:
                group["lr"] = lr
            if self.iter_num % self.config.eval_interval == 0:
                losses = self.estimate_loss()
                wandb.log({{"iter": self.iter_num, "train/loss": losses["train"], "val/loss": losses["val"], "lr": lr}})
                if losses["val"] < best:
                    best = losses["val"]
                    torch.save(self.model.state_dict(), os.path.join(wandb.run.dir, "ckpt.pt"))
                    wandb.run.summary["best_val_loss"] = best.item()
            self.optimizer.zero_grad(set_to_none=True)
            loss = self.loss(self.data[0])
            loss.backward()
            self.optimizer.step()
            self.iter_num += 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--learning_rate", type=float, default=0.1)
    parser.add_argument("--max_iters", type=int, default=6)
    parser.add_argument("--eval_interval", type=int, default=2)
    args = parser.parse_args([])
    torch.manual_seed(0)
    with wandb.init(project="characters", name="tiny", config=args, tags=["char"]) as run:
        wandb.define_metric("val/loss", summary="min")
        model = nn.Sequential(nn.Embedding(16, 8), nn.Linear(8, 16))
        wandb.watch(model, log="all", log_freq=10)
        Trainer(wandb.config, model, [torch.randint(16, (32,)) for _ in range(2)]).run()
        assert run.summary["val/loss"]["min"] <= 4
"""
CALLBACK = """
# A trainer's callback: it is told of the training's steps, and tells wandb.
import dataclasses
{import_line}


@dataclasses.dataclass
class TrainingArguments:
    output_dir: str = "out"
    learning_rate: float = 5e-5
    report_to: tuple = ("wandb",)


class Callback:
    def setup(self, args, model_config):
        if wandb.run is None:
            wandb.init(project="finetune", name=args.output_dir)
        wandb.config.update({{**dataclasses.asdict(args), **model_config}}, allow_val_change=True)
        if getattr(wandb, "define_metric", None):
            wandb.define_metric("train/global_step")
            wandb.define_metric("*", step_metric="train/global_step", step_sync=True)
        wandb.watch(object(), log="gradients", log_freq=100)

    def on_log(self, logs, step):
        renamed = {{("eval/" + key[5:]) if key.startswith("eval_") else "train/" + key: logs[key] for key in logs}}
        wandb.log({{**renamed, "train/global_step": step}})

    def on_end(self, logs):
        for key, value in logs.items():
            wandb.run.summary[key] = value
        artifact = wandb.Artifact(name="model-" + wandb.run.id, type="model", metadata=logs)
        with artifact.new_file("config.json", mode="w") as file:
            file.write("{{}}")
        wandb.run.log_artifact(artifact)


callback = Callback()
callback.setup(TrainingArguments(), {{"hidden_size": 32, "id2label": {{0: "no", 1: "yes"}}}})
for step in range(10, 40, 10):
    callback.on_log({{"loss": 1 / step, "grad_norm": float("nan"), "epoch": step / 10}}, step)
    callback.on_log({{"eval_loss": 2 / step, "eval_accuracy": step / 40}}, step)
callback.on_end({{"train_runtime": 1.5, "total_flos": 10**15}})
"""
AGENT = """
# An agent that learns in one file: TensorBoard's writer, and wandb that takes over what that writes.
import time
import numpy as np
{import_line}
{second_line}

config = {{"seed": 1, "gamma": 0.99}}
run_name = "cart__1"
wandb.init(project="rl", sync_tensorboard=True, config=config, name=run_name, save_code=True)
writer = SummaryWriter(f"runs/{{run_name}}")
writer.add_text("hyperparameters", "|param|value|" + "".join(f"|{{key}}|{{value}}|" for key, value in config.items()))
start = time.time()
for global_step in range(0, 300, 100):
    writer.add_scalar("charts/episodic_return", global_step / 10, global_step)
    writer.add_scalar("losses/value_loss", np.float32(0.5), global_step)
    writer.add_scalar("charts/SPS", int(global_step / (time.time() - start + 1)), global_step)
writer.close()
"""
OURS = {"tb": "from tracker.tensorboard import SummaryWriter", "wandb": "import tracker.wandb as wandb"}


def run_script(script: str, import_line: str) -> list[str]:
    """Run it, and give what it warns of."""
    code = compile(script.format(import_line=import_line), "script.py", "exec")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        warnings.filterwarnings("ignore", r"`torch\.jit", FutureWarning)  # PyTorch's add_graph warns of its own call
        exec(code, {"__name__": "__main__"})  # noqa: S102 - in this process: torch is imported by now
    return [str(warning.message) for warning in caught]


def run_in_child(script: str, import_line: str, second_line: str = "") -> None:
    """Run it in a process whose end is the script's."""
    code = script.format(import_line=import_line, second_line=second_line)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_digits_with_tensorboard(store: Path, tmp_path: Path) -> None:
    """What PyTorch's writer wrote, imported, is what ours wrote."""
    pytest.importorskip("torch.utils.tensorboard")
    said = run_script(DIGITS, OURS["tb"])
    Path("runs").rename("ours")
    run_script(DIGITS, "from torch.utils.tensorboard import SummaryWriter")
    import_runs(TensorBoardLogs("runs"), tmp_path / "theirs")
    found, expected = points(store), points(tmp_path / "theirs")
    run = runs(store)["digits"]

    for tag in ("train/loss", "train/lr"):
        ours = [(step, float(np.float32(value))) for step, value in found["digits"][tag]]
        assert ours == expected["digits"][tag]
    for tag in ("test", "chance"):
        assert len(found["digits"][f"accuracy/{tag}"]) == len(expected[f"digits/accuracy_{tag}"]["accuracy"]) == 2
    assert found["hparams"].keys() == expected["digits/hparams"].keys() == {"hparam/accuracy"}
    assert run["params"] == runs(tmp_path / "theirs")["digits/hparams"]["params"] == {"lr": 0.05, "epochs": 2}
    assert files(store, run["run_id"]) == ["args/1.md", "test/digits/00000000.png", "test/digits/00000001.png"]
    assert Path("ours/digits/model.pt").is_file()
    assert len(found["digits"]["weights/0.bias/p50"]) == 2
    assert len([words for words in said if words.startswith("steplog doesn't keep")]) == 2


def test_characters_with_wandb(store: Path) -> None:
    """A namespace for a config, tensors for values, a checkpoint in the run's folder."""
    pytest.importorskip("torch")
    run_script(CHARACTERS, OURS["wandb"])
    run = runs(store)["tiny"]

    assert run["params"] == {"learning_rate": 0.1, "max_iters": 6, "eval_interval": 2}
    assert (run["status"], run["tags"]) == ("FINISHED", {"wandb.tags": ["char"]})
    found = points(store)["tiny"]
    assert found["iter"] == [(0, 0.0), (1, 2.0), (2, 4.0)]
    assert run["metrics"]["best_val_loss"] == min(value for _, value in found["val/loss"])
    assert files(store, run["run_id"]) == ["ckpt.pt"]


def test_a_trainers_callback_with_wandb(store: Path) -> None:
    """It goes by a step of its own, which is a metric beside the others."""
    run_in_child(CALLBACK, OURS["wandb"])
    run = runs(store)["out"]

    assert run["params"] == {
        "output_dir": "out", "learning_rate": 5e-5, "report_to": ["wandb"], "hidden_size": 32,
        "id2label": {"0": "no", "1": "yes"},
    }  # fmt: skip
    found = points(store)["out"]
    assert found["train/loss"] == [(0, 0.1), (2, 0.05), (4, 1 / 30)]
    assert found["eval/loss"] == [(1, 0.2), (3, 0.1), (5, 2 / 30)]
    assert found["train/global_step"] == [(step, 10.0 * (step // 2 + 1)) for step in range(6)]
    assert (found["train_runtime"], found["total_flos"]) == ([(None, 1.5)], [(None, 1e15)])
    assert files(store, run["run_id"]) == [f"model-{run['run_id']}/v0/config.json"]


def test_an_agent_with_both(store: Path) -> None:
    """What the writer writes is of wandb's run, as sync_tensorboard says."""
    run_in_child(AGENT, OURS["wandb"], OURS["tb"])
    [(name, run)] = runs(store).items()

    assert (name, run["experiment"], run["status"], run["params"]) == (
        "cart__1", "rl", "FINISHED", {"seed": 1, "gamma": 0.99},
    )  # fmt: skip
    assert points(store)["cart__1"]["charts/episodic_return"] == [(0, 0.0), (100, 10.0), (200, 20.0)]
    assert files(store, run["run_id"]) == ["hyperparameters/1.md"]
