// What a few runs have in common: all of their params and tags, for those who want to see also what doesn't differ.

import { getRun } from "../api";
import { h } from "../dom";
import { plural } from "../format";
import { errorState, loadingState } from "../states";
import { listing } from "./listing";
import { longText } from "./longtext";

interface Alike {
  readonly kind: string;
  readonly name: string;
  readonly value: string;
}

/** Asked run by run: of more than this many it isn't asked. */
export const MOST_ASKED = 12;

export function alikeTable(ids: readonly string[], signal: AbortSignal): HTMLElement {
  const element = h("section", { class: "part" });
  const ask = async (): Promise<void> => {
    element.replaceChildren(loadingState("Loading what is the same in all"));
    try {
      const answers = await Promise.all(ids.map((id) => getRun(id, signal)));
      if (signal.aborted) return;
      const rows = alikeOf(answers.map((answer) => [...answer.params.map((one) => ({ kind: "param", ...one })), ...answer.tags.map((one) => ({ kind: "tag", ...one })), ...answer.environment.map((one) => ({ kind: "environment", ...one }))]));
      const list = listing<Alike>({
        noun: ["thing", "things"],
        texts: (row) => [row.kind, row.name, row.value],
        empty: h("p", { class: "soft" }, "Nothing is the same in all of these runs."),
        columns: [
          { head: "Name", class: "name", cell: (row) => [longText(row.name, 80), h("span", { class: "kind faint" }, row.kind)], order: (row) => row.name },
          { head: `In all ${plural(ids.length, "run")}`, class: "value mono", cell: (row) => longText(row.value), order: (row) => row.value.slice(0, 200) },
        ],
      });
      list.update(rows);
      element.replaceChildren(h("h2", null, "The same in all"), list.element);
    } catch (error) {
      if (!signal.aborted) element.replaceChildren(errorState(error, () => void ask()));
    }
  };
  void ask();
  return element;
}

/** The entries of the first that all others have too, with the same value. */
export function alikeOf(runs: readonly (readonly Alike[])[]): Alike[] {
  const [first = [], ...others] = runs;
  const known = others.map((entries) => new Map(entries.map((entry) => [`${entry.kind} ${entry.name}`, entry.value])));
  return first.filter((entry) => known.every((values) => values.get(`${entry.kind} ${entry.name}`) === entry.value));
}
