// What happened to a run, fact by fact, the newest first; metrics' points aren't facts and stand in the charts.

import type { RunEvent } from "../answers";
import { h } from "../dom";
import { formatTime } from "../format";
import { listing } from "./listing";
import { longText } from "./longtext";
import { whenChanged, type Section, type SectionContext } from "./section";

const MOST = 500;

export function eventLog(context: SectionContext): Section {
  const kinds = h("select", { class: "select", "aria-label": "Kind of event", data: { kinds: "" }, on: { change: choose } });
  let events: readonly RunEvent[] = [];
  const list = listing<RunEvent>({
    noun: ["event", "events"],
    texts: (event) => [event.kind, event.key, valueText(event.value)],
    empty: h("p", { class: "soft" }, "Nothing of this kind happened."),
    search: context.param("events") ?? "",
    onSearch: (text) => context.setParam("events", text || null),
    tools: kinds,
    columns: [
      { head: "Time", class: "time", cell: (event) => h("time", { datetime: event.time }, formatTime(Date.parse(event.time))), order: (event) => Date.parse(event.time) },
      { head: "Kind", cell: (event) => h("span", { class: "chip" }, event.kind), order: (event) => event.kind },
      { head: "Name", class: "name", cell: (event) => longText(event.key, 120), order: (event) => event.key },
      { head: "Value", class: "value mono", cell: (event) => longText(valueText(event.value), 160) },
    ],
  });
  const cut = h("p", { class: "faint" }, `The last ${MOST} events are shown.`);
  const element = h("section", { class: "part part-wide" }, h("h2", null, "Events"), list.element, cut);

  function choose(): void {
    context.setParam("kind", kinds.value || null);
    draw();
  }

  function draw(): void {
    const wanted = context.param("kind") ?? "";
    const there = [...new Set([...events.map((event) => event.kind), ...(wanted ? [wanted] : [])])].sort();
    kinds.replaceChildren(h("option", { value: "" }, "All kinds"), ...there.map((kind) => h("option", { value: kind }, kind)));
    kinds.value = wanted;
    cut.hidden = events.length < MOST;
    list.update(events.filter((event) => wanted === "" || event.kind === wanted));
  }

  const changed = whenChanged((next: readonly RunEvent[]) => {
    events = next;
    draw();
  });
  return { element, update: (answer) => changed(newestFirst(answer.events)) };
}

function newestFirst(events: readonly RunEvent[]): RunEvent[] {
  return [...events].sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : 0));
}

function valueText(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
