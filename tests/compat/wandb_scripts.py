"""Scripts that run with wandb, and with our stand-in: only the import line differs."""

EVERYTHING = """
import argparse
import numpy as np
{import_line}

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--layers", type=int, default=3)
run = wandb.init(
    project="vision", name="fast owl", group="ablation", job_type="train", tags=["x", "y"], notes="a try",
    config=parser.parse_args([]), settings=wandb.Settings(console="off"),
)
wandb.config.update({{"net": {{"depth": 3, "widths": (1, 2)}}, "seed": np.int64(7), "optimizer": "adam"}})
wandb.config.dropout = 0.5
wandb.config["flag"] = True
wandb.config.setdefaults({{"lr": 9.0, "late": None}})
wandb.config.update({{"optimizer": "sgd"}}, allow_val_change=True)

wandb.define_metric("epoch")
wandb.define_metric("val/*", step_metric="epoch", summary="max")
wandb.define_metric("loss", summary="min,mean")
wandb.define_metric("hidden", summary="none")
wandb.define_metric("val/err", summary="min")

wandb.log({{"loss": 0.75, "net": {{"norm": 1, "deep": {{"er": 2.5}}}}, "none": None, "ok": True}})
wandb.log({{"np": np.float32(0.1), "zero-d": np.array(3), "one": np.array([4.0]), "inf": float("inf")}})
wandb.log({{"a": 1}}, commit=False)
wandb.log({{"b": 2}}, commit=False)
wandb.log({{"a": 3}})
wandb.log({{"a": 4}}, step=10)
wandb.log({{"b": 5}}, step=10)
wandb.log({{"a": 6, "hidden": 1}}, step=np.int64(12), commit=True)
wandb.log({{"a": 7}})
wandb.log({{}})
wandb.log({{"nan": float("nan")}})
for epoch in range(3):
    wandb.log({{"epoch": epoch, "loss": 0.5 / (epoch + 1)}})
    wandb.log({{"val/acc": [0.25, 0.75, 0.5][epoch], "val/err": 1 - epoch}})
wandb.log({{"last": 8}}, commit=False)
wandb.summary["best"] = 0.75
wandb.run.summary.update({{"test": {{"acc": 0.5}}}})
assert wandb.run.step == 22, wandb.run.step
assert (wandb.config.lr, wandb.config["net"]["widths"], "lr" in wandb.config) == (0.1, [1, 2], True)
wandb.finish()
assert wandb.run is None
"""
