// The first rows of a CSV or Parquet file.

import { h } from "../dom";
import { exactNumber, formatCount, formatNumber, plural } from "../format";
import { safeCut } from "./longtext";

export interface TablePreview {
  readonly columns: readonly unknown[];
  readonly rows: readonly (readonly unknown[])[];
  readonly truncated?: unknown;
  readonly [more: string]: unknown;
}

const MOST_COLUMNS = 100;
const MOST_ROWS = 500;

export function previewTable(table: TablePreview): HTMLElement {
  const columns = table.columns.slice(0, MOST_COLUMNS).map(columnName);
  const rows = table.rows.slice(0, MOST_ROWS);
  const numeric = columns.map((_, index) => rows.some((row) => typeof row[index] === "number"));
  const total = ["count", "total", "height", "total_rows", "n_rows"].map((name) => table[name]).find((value) => typeof value === "number");
  const words = [
    typeof total === "number" ? `${formatCount(rows.length)} of ${plural(total, "row")}` : Boolean(table.truncated) || table.rows.length > rows.length ? `the first ${plural(rows.length, "row")}` : plural(rows.length, "row"),
    table.columns.length > columns.length ? `${formatCount(columns.length)} of ${plural(table.columns.length, "column")}` : plural(columns.length, "column"),
  ];
  return h(
    "div",
    null,
    h("p", { class: "faint preview-cut" }, typeof table["words"] === "string" ? table["words"] : words.join(", ")),
    h(
      "div",
      { class: "preview-table", tabindex: 0, role: "region", "aria-label": "the file's rows" },
      h(
        "table",
        { class: "data" },
        h("thead", null, h("tr", null, columns.map((name, index) => h("th", { scope: "col", class: numeric[index] === true ? "num" : undefined, title: name }, safeCut(name, 80))))),
        h("tbody", null, rows.map((row) => h("tr", null, columns.map((_, index) => cell(row[index]))))),
      ),
    ),
  );
}

function cell(value: unknown): HTMLElement {
  if (value === null || value === undefined) return h("td", { class: "faint" }, "null");
  if (typeof value === "number") return h("td", { class: "num", title: exactNumber(value) }, formatNumber(value, 6));
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return h("td", { title: text.length > 120 ? safeCut(text, 2000) : undefined }, text.length > 120 ? `${safeCut(text, 119)}…` : text);
}

function columnName(column: unknown): string {
  return typeof column === "object" && column !== null && "name" in column ? String(column.name) : String(column);
}
