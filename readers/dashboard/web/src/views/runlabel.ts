// A run's name with its colour, as a link to its page.

import { runColour } from "../colour";
import { h } from "../dom";
import { runPath } from "../router";
import { safeCut } from "./longtext";

export function runLabel(run: { id: string; name: string }): HTMLElement {
  return h(
    "a",
    { class: "run-label", href: runPath(run.id), title: `${safeCut(run.name, 500)} (${run.id})` },
    h("i", { class: "run-swatch", data: { run: run.id }, style: { background: runColour(run.id) } }),
    h("span", { class: "cut" }, safeCut(run.name, 80)),
  );
}
