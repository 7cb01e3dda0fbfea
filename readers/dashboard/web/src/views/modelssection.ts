// The models a run saved and the checkpoints it wrote, the newest of these first.

import type { RunAnswer } from "../answers";
import { fill, h } from "../dom";
import { part } from "./overview";
import { recordTable } from "./recordtable";
import { whenChanged, type Section } from "./section";

export function modelsSection(): Section {
  const models = h("div");
  const checkpoints = h("div");
  const element = h("div", { class: "stacked" }, part("Models", models), part("Checkpoints", checkpoints));
  const draw = whenChanged(([saved, written]: [RunAnswer["models"], RunAnswer["checkpoints"]]) => {
    const noModel = h("p", { class: "soft" }, "No model was saved. ", h("code", null, "tracker.log_model(model, name)"), " saves one, in numbered versions.");
    const noCheckpoint = h("p", { class: "soft" }, "No checkpoint was written. ", h("code", null, "RealTimeTracker.save_checkpoint"), " writes them.");
    fill(models, recordTable(["model", "models"], noModel, saved).element);
    fill(checkpoints, recordTable(["checkpoint", "checkpoints"], noCheckpoint, [...written].reverse()).element);
  });
  return { element, update: (answer) => draw([answer.models, answer.checkpoints]) };
}
