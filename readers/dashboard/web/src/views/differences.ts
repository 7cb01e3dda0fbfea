// What differs among runs: side by side while they fit, by how often each value occurs when there are many.

import type { CompareAnswer } from "../answers";
import { getValue } from "../api";
import { fill, h, type Child } from "../dom";
import { formatNumber, plural } from "../format";
import { bars } from "./bars";
import { columnScale, textColumn, type Column } from "./columns";
import type { Compared } from "./compared";
import { listing } from "./listing";
import { longText, type Rest } from "./longtext";
import { runLabel } from "./runlabel";
import { histogram, tallied } from "./tally";

type Difference = CompareAnswer["differences"][number];

/** More runs than this don't fit side by side on a wide screen. */
export const SIDE_BY_SIDE = 12;
const SHOWN_VALUES = 6;
const MOST_COUNTED = 12;

export function differencesTable(compared: Compared, search: string, onSearch: (search: string) => void): HTMLElement {
  const few = compared.runs.length <= SIDE_BY_SIDE;
  const list = listing<Difference>({
    noun: ["difference", "differences"],
    texts: (row) => [row.name, row.kind, ...row.values.slice(0, 200).map((value) => value ?? "")],
    empty: h("p", { class: "soft" }, compared.runs.length < 2 ? "One run alone has nothing to differ from: choose another beside it." : "Nothing that was logged differs among these runs."),
    search,
    onSearch,
    columns: [
      { head: "Name", class: "name", cell: (row) => [longText(row.name, 80), h("span", { class: "kind faint" }, row.kind)], order: (row) => row.name },
      ...(few ? compared.runs.map((run, index) => ({ head: run.name, headView: runLabel(run), class: "value", cell: (row: Difference): Child => sideBySide(row, index, run.id), order: (row: Difference) => orderOf(row.values[index]) })) : [counted(compared.runs.length)]),
    ],
  });
  list.update(compared.differences);
  return h("div", { class: few ? "side-by-side" : undefined }, list.element, compared.same > 0 && h("p", { class: "faint same" }, `Compared too, and the same in all: ${plural(compared.same, "thing")}.`));
}

function sideBySide(row: Difference, index: number, runId: string): Child {
  const value = row.values[index] ?? null;
  if (value === null) return h("span", { class: "faint" }, "none");
  if (value === "") return h("span", { class: "faint" }, "empty");
  const short = shortened(row, value);
  return h("span", { class: "mono", title: short === value ? undefined : value }, longText(short, 120, restOf(row, index, runId)));
}

const ASKED_AS: Readonly<Record<string, "param" | "tag" | "env">> = { param: "param", tag: "tag", environment: "env" };

/** What the server kept back of a run's value. */
function restOf(row: Difference, index: number, runId: string): Rest | undefined {
  const length = row.lengths?.[index];
  const kind = ASKED_AS[row.kind];
  if (typeof length !== "number" || kind === undefined) return undefined;
  return { length, load: async () => (await getValue(runId, kind, row.name)).value };
}

/** A long number in six digits, where the row's numbers still differ then. */
function shortened(row: Difference, value: string): string {
  const short = (text: string): string => (text.length > 9 && Number.isFinite(Number(text)) && text.trim() !== "" ? formatNumber(Number(text), 6) : text);
  const texts = new Set(row.values.filter((one) => one !== null));
  return new Set([...texts].map(short)).size === texts.size ? short(value) : value;
}

function counted(runs: number) {
  return {
    head: "Values, with how many runs have each",
    class: "value",
    cell: (row: Difference): Child => {
      const column = textColumn(row.name, row.values);
      const values = tallied(row.values);
      if (column.kind !== "category" && values.length > MOST_COUNTED) return range(column);
      const element = h("span", { class: "tally" });
      const draw = (shown: number): void => {
        const left = values.length - shown;
        fill(
          element,
          values.slice(0, shown).map((one) => h("span", { class: "tally-one", style: { "--share": String(one.runs / runs) } }, h("span", { class: "mono" }, longText(one.text, 60)), h("b", { class: "num" }, String(one.runs)))),
          left > 0 && h("button", { class: "more", type: "button", on: { click: () => draw(shown + 100) } }, `${plural(left, "more value")}`),
        );
      };
      draw(SHOWN_VALUES);
      return element;
    },
  };
}

/** Numbers that hardly repeat: where they lie says more than each of them. */
function range(column: Column): Child {
  const numbers = [...column.values].filter(Number.isFinite).sort((a, b) => a - b);
  const scale = columnScale(column);
  const spread = histogram(numbers.map((value) => scale.place(value)), 24);
  const words = `${formatNumber(numbers[0] ?? NaN)} to ${formatNumber(numbers.at(-1) ?? NaN)}`;
  return h("span", { class: "range" }, h("span", { class: "mono" }, words), bars(spread), h("span", { class: "faint" }, `${plural(new Set(numbers).size, "value")}${column.kind === "log" ? ", logarithmic" : ""}${numbers.length < column.values.length ? `, none in ${plural(column.values.length - numbers.length, "run")}` : ""}`));
}

function orderOf(value: string | null | undefined): number | string {
  const number = value === null || value === undefined || value.trim() === "" ? NaN : Number(value);
  return Number.isNaN(number) ? (value ?? "\uffff") : number;
}
