// The head of a run's page: what it is, how it is doing, and what can be done to it.

import type { RunAnswer, Status } from "../answers";
import { fill, h, type Child } from "../dom";
import { formatAgo, formatCount, formatDuration, formatTime, plural } from "../format";
import { comparePath, runPath } from "../router";
import { copyButton } from "./copybutton";
import { safeCut } from "./longtext";
import { noteField } from "./notefield";
import { stopButton } from "./stopbutton";
import { tagField } from "./tagfield";

export interface RunHeader {
  readonly element: HTMLElement;
  update(answer: RunAnswer): void;
  /** The clock of a running run goes on. */
  tick(): void;
}

const STATUS_WORDS: Readonly<Record<Status, string>> = {
  RUNNING: "Running",
  FINISHED: "Finished",
  FAILED: "Failed",
  KILLED: "Killed",
  INTERRUPTED: "Interrupted",
};

export function statusMark(status: Status): HTMLElement {
  return h("span", { class: "status", data: { status } }, Object.hasOwn(STATUS_WORDS, status) ? STATUS_WORDS[status] : String(status));
}

export function runHeader(first: RunAnswer, readOnly: boolean, changed: () => void): RunHeader {
  const id = first.run.run_id;
  const stop = stopButton(id, first.run.run_name || id, changed);
  const note = noteField(id, !readOnly, changed);
  const tags = tagField(id, !readOnly, changed);
  const status = h("span", { class: "run-status" });
  const facts = h("dl", { class: "facts" });
  const title = h("h1", { class: "run-name", title: first.run.run_name });
  const duration = h("span", { class: "run-duration" });
  const started = h("time");
  let answer = first;
  let drawn = "";

  const element = h(
    "header",
    { class: "run-head" },
    h(
      "div",
      { class: "run-title" },
      title,
      status,
      h("span", { class: "run-actions" }, !readOnly && stop.element, h("a", { class: "button", href: comparePath([id, ...first.children.map((child) => child.run_id)].slice(0, 200)), hidden: first.children.length === 0 }, "Compare its parts")),
    ),
    facts,
    note.element,
    tags.element,
  );

  function update(next: RunAnswer): void {
    answer = next;
    title.textContent = next.run.run_name || id;
    const seen = JSON.stringify([next.run, next.environment.length, next.ranks?.count, next.ranks?.stragglers]);
    if (seen !== drawn) {
      drawn = seen;
      fill(status, statusMark(next.run.status));
      fill(facts, factsOf(next, duration, started));
    }
    stop.update({ running: next.run.status === "RUNNING", asked: next.should_stop });
    note.update(next.note ?? "");
    tags.update(next.tags.filter((tag) => tag.name !== "note"));
    tick();
  }

  function tick(): void {
    const start = Date.parse(answer.run.start_time ?? "");
    started.textContent = formatAgo(start) || "unknown";
    started.title = formatTime(start);
    const seconds = answer.run.status === "RUNNING" && Number.isFinite(start) ? (Date.now() - start) / 1000 : (answer.run.duration_s ?? NaN);
    duration.textContent = Number.isFinite(seconds) ? formatDuration(Math.max(0, answer.run.status === "RUNNING" ? Math.floor(seconds) : seconds)) : "unknown";
  }

  update(first);
  return { element, update, tick };
}

function factsOf(answer: RunAnswer, duration: HTMLElement, started: HTMLElement): Child {
  const { run } = answer;
  const end = Date.parse(run.end_time ?? "");
  const known = (name: string): string => textOf(run[name]) || (answer.environment.find((one) => one.name === name)?.value ?? "");
  return [
    fact("Experiment", h("a", { href: `/?${new URLSearchParams({ experiment: run.experiment }).toString()}` }, safeCut(run.experiment, 120))),
    fact("Duration", duration),
    fact("Started", started),
    Number.isFinite(end) && run.status !== "RUNNING" && fact("Ended", h("time", { datetime: run.end_time, title: formatTime(end) }, formatAgo(end))),
    known("hostname") + known("host") !== "" && fact("Host", safeCut(known("hostname") || known("host"), 80)),
    known("user") !== "" && fact("User", safeCut(known("user"), 80)),
    textOf(run["group"]) !== "" && fact("Group", safeCut(textOf(run["group"]), 80)),
    textOf(run["parent_run_id"]) !== "" && fact("Part of", h("a", { href: runPath(textOf(run["parent_run_id"])) }, textOf(run["parent_run_name"]) || textOf(run["parent_run_id"]))),
    answer.ranks !== null && fact("Ranks", h("a", { href: `${runPath(run.run_id)}?tab=ranks` }, formatCount(answer.ranks.count)), answer.ranks.stragglers.length > 0 && `, ${plural(answer.ranks.stragglers.length, "straggler")}`),
    fact("Id", h("code", null, run.run_id), copyButton(run.run_id, "the run's id")),
  ];
}

function fact(name: string, ...value: Child[]): HTMLElement {
  return h("div", { class: "fact" }, h("dt", null, name), h("dd", null, ...value));
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
