// What is drawn and said of a run's ranks: a line each; of many, the odd ones stand out of the others, which share a colour.

import type { RankRow, RanksAnswer } from "../answers";
import { lineOf } from "../charts/lines";
import type { PanelOptions } from "../charts/panels";
import { formatCount, plural } from "../format";

export type RankView = "lines" | "band" | "one";

/** With more ranks than this, colours can't tell who is who. */
export const FEW_RANKS = 12;
/** The server answers about so many lines at once. */
export const MOST_LINES = 500;
const [USUAL, STRAGGLER, GONE] = [0, 1, 12];
type Drawn = Pick<PanelOptions, "runs" | "names" | "groups" | "colours" | "strong" | "legend" | "noun">;

/** What the panels draw of a run; `ranks` is null where there is one. */
export function drawnOf(runId: string, name: string, ranks: RanksAnswer | null, view: RankView): Drawn {
  const rows = ranks?.rows ?? [];
  if (ranks === null || view === "one" || rows.length < 2) {
    return { runs: [runId], names: new Map([[runId, name]]), groups: undefined, colours: undefined, strong: undefined, legend: undefined, noun: undefined };
  }
  const odd = rows.filter(isOdd);
  const usual = rows.filter((row) => !isOdd(row)).slice(0, Math.max(0, MOST_LINES - odd.length));
  const line = (row: RankRow): string => lineOf(runId, row.rank);
  const lines = [...usual, ...odd.slice(0, MOST_LINES)].map(line); // the odd ones are drawn over the others
  const few = rows.length <= FEW_RANKS;
  return {
    runs: lines,
    names: new Map(rows.map((row) => [line(row), rankName(row)])),
    groups: view === "band" ? new Map(lines.map((one) => [one, `${rows.length} ranks`])) : undefined,
    colours: new Map(rows.map((row, place) => [line(row), few ? place : row.verdict === "straggler" ? STRAGGLER : isOdd(row) ? GONE : USUAL])),
    strong: few ? undefined : new Set(odd.map(line)),
    legend: few ? rows.map(line) : [...odd.slice(0, MOST_LINES), ...usual].map(line),
    noun: ["rank", "ranks"],
  };
}

export const isOdd = (row: RankRow): boolean => row.verdict !== "ok" && row.verdict !== "unknown";

function rankName(row: RankRow): string {
  return isOdd(row) ? `rank ${row.rank} (${row.verdict})` : `rank ${row.rank}`;
}

/** How the ranks do, in a sentence. */
export function headline({ rows, stragglers, count, metric }: RanksAnswer): string {
  const others = new Map<string, number>();
  for (const row of rows) if (isOdd(row) && row.verdict !== "straggler") others.set(row.verdict, (others.get(row.verdict) ?? 0) + 1);
  const found = [
    stragglers.length > 0 && `${plural(stragglers.length, "straggler")}: rank ${stragglers.slice(0, 8).join(", ")}${stragglers.length > 8 ? ` and ${formatCount(stragglers.length - 8)} more` : ""}`,
    ...[...others].map(([verdict, n]) => `${formatCount(n)} ${verdict}`),
  ].filter((words) => words !== false);
  const by = metric === null ? "" : `, progress by ${metric}`;
  return `${plural(count, "rank")}${by}. ${found.length > 0 ? `${found.join("; ")}.` : rows.every((row) => row.verdict === "unknown") ? "No verdict." : "No straggler."}`;
}
