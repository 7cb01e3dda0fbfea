// A table of anything, searchable and sortable, which stays quick at ten thousand rows: it shows the first hundred and
// as many more as are asked for.

import { fill, h, type Child, type Handlers } from "../dom";
import { formatCount, plural } from "../format";
import { matcher } from "./search";

export interface ListColumn<Row> {
  readonly head: string;
  /** Stands in the heading instead of its words; such a column is sorted by a button of its own. */
  readonly headView?: Node;
  cell: (row: Row) => Child;
  /** What rows are ordered by when the heading is pressed; none: it can't be. */
  order?: (row: Row) => number | string;
  /** Right, in tabular figures. */
  readonly number?: boolean;
  readonly class?: string;
}

export interface ListOptions<Row> {
  /** What a row is: ["param", "params"]. */
  readonly noun: readonly [one: string, many: string];
  readonly columns: readonly ListColumn<Row>[];
  /** What the search looks in. */
  texts: (row: Row) => readonly string[];
  /** Said when there are no rows at all. */
  readonly empty: Child;
  /** Fewer rows need no search. */
  readonly searchFrom?: number;
  readonly search?: string | undefined;
  onSearch?: (search: string) => void;
  /** Told which row the pointer or the focus is in, null when in none. */
  hover?: (row: Row | null) => void;
  /** Beside the search. */
  readonly tools?: Child;
}

export interface Listing<Row> {
  readonly element: HTMLElement;
  update(rows: readonly Row[]): void;
}

const STEP = 100;

export function listing<Row>(options: ListOptions<Row>): Listing<Row> {
  const [one, many] = options.noun;
  let rows: readonly Row[] = [];
  let search = options.search ?? "";
  let shown = STEP;
  let sorted: { column: number; down: boolean } | null = null;

  const field = h("input", {
    class: "input list-search",
    type: "search",
    value: search,
    placeholder: `Search ${many}`,
    "aria-label": `Search ${many}`,
    data: { search: "" },
    on: { input: () => find(field.value) },
  });
  const count = h("span", { class: "list-count faint", role: "status" });
  const bar = h("div", { class: "list-bar" }, field, options.tools, count);
  const head = h("tr");
  const body = h("tbody");
  const table = h("div", { class: "list-scroll" }, h("table", { class: "data list" }, h("thead", null, head), body));
  const foot = h("div", { class: "list-foot" });
  const nothing = h("div", { class: "list-empty" });
  const element = h("div", { class: "listing" }, bar, table, foot, nothing);

  function find(text: string): void {
    search = text;
    shown = STEP;
    options.onSearch?.(text);
    draw();
  }

  function sort(column: number): void {
    const numeric = options.columns[column]?.number === true;
    if (sorted?.column !== column) sorted = { column, down: numeric };
    else sorted = sorted.down === numeric ? { column, down: !numeric } : null;
    drawHead();
    draw();
    head.querySelectorAll<HTMLElement>("th").item(column).querySelector("button")?.focus();
  }

  function found(): readonly Row[] {
    const matches = matcher(search);
    const some = search === "" ? rows : rows.filter((row) => matches(...options.texts(row)));
    const order = sorted === null ? undefined : options.columns[sorted.column]?.order;
    if (sorted === null || order === undefined) return some;
    const sign = sorted.down ? -1 : 1;
    return some.map((row) => [order(row), row] as const).sort(([a], [b]) => compared(a, b, sign)).map(([, row]) => row);
  }

  function draw(): void {
    const some = found();
    const searchable = rows.length >= (options.searchFrom ?? 12) || search !== "";
    bar.hidden = !searchable && !options.tools;
    field.hidden = !searchable;
    count.textContent = search === "" ? plural(rows.length, one, many) : `${formatCount(some.length)} of ${plural(rows.length, one, many)}`;
    table.hidden = some.length === 0;
    fill(body, some.slice(0, shown).map((row) => h("tr", { on: hovering(row) }, options.columns.map((column) => cell(column, row)))));
    drawFoot(some.length);
    nothing.hidden = some.length > 0;
    fill(nothing, rows.length === 0 ? options.empty : h("p", { class: "soft" }, `No ${one} matches “${search}”.`));
  }

  function hovering(row: Row): Handlers | undefined {
    const { hover } = options;
    return hover && { pointerenter: () => hover(row), pointerleave: () => hover(null), focusin: () => hover(row), focusout: () => hover(null) };
  }

  function heading(column: ListColumn<Row>, index: number): HTMLElement {
    const direction = sorted?.column === index ? (sorted.down ? "descending" : "ascending") : undefined;
    return h(
      "th",
      { scope: "col", class: column.number === true ? "num" : undefined, "aria-sort": direction },
      column.headView,
      column.order ? sortButton(column, index) : column.headView ? null : column.head,
    );
  }

  function sortButton(column: ListColumn<Row>, index: number): HTMLElement {
    const words = column.headView ? h("span", { class: "visually-hidden" }, `Sort by ${column.head}`) : column.head;
    return h("button", { class: column.headView ? "list-head list-head-apart" : "list-head", type: "button", on: { click: () => sort(index) } }, words);
  }

  function drawHead(): void {
    fill(head, options.columns.map((column, index) => heading(column, index)));
  }

  function drawFoot(all: number): void {
    const left = all - shown;
    foot.hidden = left <= 0;
    if (left <= 0) return;
    const more = (by: number) => (): void => {
      shown += by;
      draw();
    };
    const step = Math.min(left, STEP * 5);
    fill(
      foot,
      h("span", { class: "faint" }, `${formatCount(shown)} of ${formatCount(all)} shown.`),
      h("button", { class: "button button-quiet", type: "button", on: { click: more(step) } }, `Show ${formatCount(step)} more`),
    );
  }

  drawHead();
  draw();
  return {
    element,
    update: (next) => {
      rows = next;
      draw();
    },
  };
}

function cell<Row>(column: ListColumn<Row>, row: Row): HTMLElement {
  return h("td", { class: [column.number === true ? "num" : "", column.class ?? ""].join(" ").trim() || undefined }, column.cell(row));
}

const words = new Intl.Collator("en", { numeric: true });

/** NaN goes last, whichever way. */
function compared(a: number | string, b: number | string, sign: number): number {
  if (typeof a === "number" && typeof b === "number") {
    if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
    return sign * (a - b || 0);
  }
  return sign * words.compare(String(a), String(b));
}
