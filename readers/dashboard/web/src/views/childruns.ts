// The runs that are part of a run: a search's trials, a fold each, an ensemble's members.

import type { RunAnswer } from "../answers";
import { h } from "../dom";
import { comparePath, runPath } from "../router";
import { listing } from "./listing";
import { safeCut } from "./longtext";
import { statusMark } from "./runheader";
import { whenChanged, type Section } from "./section";

type ChildRun = RunAnswer["children"][number];

export function childrenList(): Section {
  const list = listing<ChildRun>({
    noun: ["run", "runs"],
    texts: (child) => [child.run_name, child.run_id, child.status],
    empty: "",
    columns: [
      { head: "Run", class: "name", cell: (child) => h("a", { href: runPath(child.run_id), title: safeCut(child.run_name, 1000) }, safeCut(child.run_name, 120) || child.run_id), order: (child) => child.run_name },
      { head: "Status", cell: (child) => statusMark(child.status), order: (child) => child.status },
      { head: "Id", cell: (child) => h("code", null, child.run_id), order: (child) => child.run_id },
    ],
  });
  const compare = h("a", { class: "button" }, "Compare them");
  const element = h("section", { class: "part part-wide" }, h("div", { class: "part-head" }, h("h2", null, "Runs that are part of this one"), compare), list.element);
  const draw = whenChanged((children: ChildRun[]) => {
    element.hidden = children.length === 0;
    compare.hidden = children.length < 2;
    compare.href = comparePath(children.slice(0, 400).map((child) => child.run_id));
    list.update(children);
  });
  return { element, update: (answer) => draw(answer.children) };
}
