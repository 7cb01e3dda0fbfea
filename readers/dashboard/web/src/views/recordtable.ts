// Records whose fields the server chooses (models, checkpoints): a column a field, the telling ones first.

import { h, type Child } from "../dom";
import { exactNumber, formatBytes, formatNumber, formatTime } from "../format";
import { listing, type Listing } from "./listing";
import { longText } from "./longtext";

type Row = Readonly<Record<string, unknown>>;

const FIRST = ["name", "version", "number", "step", "aliases", "best", "latest", "format", "library", "class", "metric", "value", "metrics", "size", "time"];
const HIDDEN = new Set(["run_id", "experiment", "sha256", "checksum", "path", "index"]);
const MOST_COLUMNS = 10;

/** A table of these records; its columns are those of the records that it is first given. */
export function recordTable(noun: readonly [string, string], empty: Child, rows: readonly Row[], extra?: (row: Row) => Child): Listing<Row> {
  const fields = fieldsOf(rows);
  const list = listing<Row>({
    noun,
    empty,
    texts: (row) => fields.map((field) => fieldText(row[field])),
    columns: [
      ...fields.map((field) => ({
        head: heading(field),
        number: rows.some((row) => typeof row[field] === "number"),
        class: field === "name" ? "name" : "value",
        cell: (row: Row): Child => fieldView(field, row[field]),
        order: (row: Row): string | number => (typeof row[field] === "number" ? row[field] : fieldText(row[field]).slice(0, 200)),
      })),
      ...(extra ? [{ head: "", cell: extra }] : []),
    ],
  });
  list.update(rows);
  return list;
}

/** The fields that some record has something in, the known ones first. */
export function fieldsOf(rows: readonly Row[]): string[] {
  const there = new Set<string>();
  for (const row of rows) {
    for (const [field, value] of Object.entries(row)) if (value !== null && value !== "" && !(Array.isArray(value) && value.length === 0)) there.add(field);
  }
  const place = (field: string): number => (FIRST.includes(field) ? FIRST.indexOf(field) : FIRST.length);
  return [...there].filter((field) => !HIDDEN.has(field)).sort((a, b) => place(a) - place(b)).slice(0, MOST_COLUMNS);
}

function heading(field: string): string {
  const words = field.replace(/_(bytes|s|ns)$/, "").replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function fieldView(field: string, value: unknown): Child {
  if (value === null || value === undefined) return h("span", { class: "faint" }, "none");
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") return /(^|_)(size|bytes)$/.test(field) ? formatBytes(value) : h("span", { title: exactNumber(value) }, formatNumber(value));
  if (/(^|_)time$/.test(field) && typeof value === "string" && Number.isFinite(Date.parse(value))) return formatTime(Date.parse(value));
  if (Array.isArray(value) && value.every((one) => typeof one === "string")) return value.map((one: string) => h("span", { class: "chip" }, longText(one, 40)));
  return longText(fieldText(value), 120);
}

function fieldText(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "object" && !Array.isArray(value)) return Object.entries(value).map(([name, one]) => `${name} ${typeof one === "number" ? formatNumber(one) : fieldText(one)}`).join(", ");
  return Array.isArray(value) ? value.map(fieldText).join(", ") : String(value);
}
