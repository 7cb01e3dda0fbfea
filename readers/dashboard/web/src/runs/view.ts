// The runs page's whole state as it stands in the address. A name that isn't here belongs to the charts.

import type { SortKey } from "./order";

export interface View {
  /** An experiment or a folder of them; "" is all. */
  experiment: string;
  search: string;
  /** An expression for the server: params.lr > 0.1 and status = 'FINISHED'. */
  filter: string;
  sort: SortKey[];
  /** Shown columns in order, without the name; null: the page's own choice. */
  columns: string[] | null;
  /** A column's name; "" is none. */
  group: string;
  /** Values of the groups that are folded up. */
  closed: string[];
  /** Whether runs that are part of another one have a line of their own. */
  children: boolean;
  /** Ids of the chosen runs, in the order they were chosen. */
  chosen: string[];
}

/** More can't be told apart in a chart, and an address should stay an address. */
export const MOST_CHOSEN = 200;

const NAMES = ["experiment", "q", "filter", "sort", "cols", "group", "closed", "children", "runs"] as const;

export function readView(params: URLSearchParams): View {
  return {
    experiment: params.get("experiment") ?? "",
    search: params.get("q") ?? "",
    filter: params.get("filter") ?? "",
    sort: list(params.get("sort")).map((key) => (key.startsWith("-") ? { name: key.slice(1), down: true } : { name: key, down: false })),
    columns: params.has("cols") ? list(params.get("cols")) : null,
    group: params.get("group") ?? "",
    closed: params.has("closed") ? parts(params.get("closed") ?? "") : [],
    children: params.get("children") === "1",
    chosen: [...new Set(list(params.get("runs")))].slice(0, MOST_CHOSEN),
  };
}

/** A copy of `params` with the view in it; names that aren't the view's stay. */
export function writeView(view: View, params: URLSearchParams): URLSearchParams {
  const texts: Record<(typeof NAMES)[number], string | null> = {
    experiment: view.experiment || null,
    q: view.search || null,
    filter: view.filter || null,
    sort: joined(view.sort.map((key) => (key.down ? "-" : "") + key.name)),
    cols: view.columns === null ? null : view.columns.map(escaped).join(","),
    group: view.group || null,
    closed: view.group && view.closed.length > 0 ? view.closed.map(escaped).join(",") : null,
    children: view.children ? "1" : null,
    runs: joined(view.chosen),
  };
  const written = new URLSearchParams();
  for (const name of NAMES) if (texts[name] !== null) written.set(name, texts[name]);
  for (const [name, value] of params) if (!(NAMES as readonly string[]).includes(name)) written.append(name, value);
  return written;
}

const list = (text: string | null): string[] => parts(text ?? "").filter((part) => part !== "");

/** A list's parts; names may hold commas, so those inside a part are escaped. */
const parts = (text: string): string[] => text.split(",").map((part) => part.replaceAll("%2C", ",").replaceAll("%25", "%"));

const escaped = (part: string): string => part.replaceAll("%", "%25").replaceAll(",", "%2C");

const joined = (texts: readonly string[]): string | null => (texts.length > 0 ? texts.map(escaped).join(",") : null);
