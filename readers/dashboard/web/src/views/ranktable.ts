// The ranks of a run: where each is, how far behind, who is a straggler, and what that is worth.

import "../styles/ranks.css";

import type { RankRow, RanksAnswer } from "../answers";
import { fill, h, type Child } from "../dom";
import { exactNumber, formatAgo, formatCount, formatDuration, formatNumber, formatTime } from "../format";
import { choice } from "./choice";
import { listing } from "./listing";
import { safeCut } from "./longtext";
import { FEW_RANKS, headline, isOdd } from "./ranks";
import { statusMark } from "./runheader";
import { whenChanged, type Section, type SectionContext } from "./section";

const AS_LOGGED = "";

export function rankSection(context: SectionContext): Section {
  const told = h("p", { class: "rank-told" });
  const notes = h("ul", { class: "rank-notes faint" });
  const tools = h("div", { class: "rank-bar" });
  const place = h("div", { class: "rank-table" });
  const element = h("section", { class: "part" }, told, notes, tools, place);
  let timed: string | null | undefined;
  let list = table(null);

  const drawTools = whenChanged((metrics: string[]) => {
    const options = [{ value: AS_LOGGED, label: "the pace at which steps are logged" }, ...metrics.map((key) => ({ value: key, label: key }))];
    const chosen = context.param("step_time") ?? AS_LOGGED;
    fill(
      tools,
      choice("Time of a step", options, metrics.includes(chosen) ? chosen : AS_LOGGED, (key) => {
        context.setParam("step_time", key === AS_LOGGED ? null : key);
        context.look();
      }),
    );
  });

  const draw = whenChanged((ranks: RanksAnswer | null) => {
    told.textContent = ranks === null ? "One process wrote this run." : headline(ranks);
    fill(notes, ranks?.notes.map((note) => h("li", null, `${note.charAt(0).toUpperCase()}${note.slice(1)}.`)));
    tools.hidden = ranks === null;
    if (timed !== (ranks?.step_time ?? null)) {
      timed = ranks?.step_time ?? null;
      list = table(timed);
      fill(place, list.element);
    }
    list.update(ranks === null ? [] : ranks.rows.length > FEW_RANKS ? [...ranks.rows.filter(isOdd), ...ranks.rows.filter((row) => !isOdd(row))] : ranks.rows);
  });

  return {
    element,
    update: (answer) => {
      drawTools(answer.metrics.filter((metric) => !metric.system).map((metric) => metric.key));
      draw(answer.ranks);
    },
  };
}

function table(stepTime: string | null): ReturnType<typeof listing<RankRow>> {
  const number = (head: string, of: (row: RankRow) => number | null, view = (value: number): Child => formatNumber(value)) => ({
    head,
    number: true,
    cell: (row: RankRow): Child => {
      const value = of(row);
      return value === null ? h("span", { class: "faint" }, "none") : h("span", { title: exactNumber(value) }, view(value));
    },
    order: (row: RankRow) => of(row) ?? NaN,
  });
  return listing<RankRow>({
    noun: ["rank", "ranks"],
    texts: (row) => [`rank ${row.rank}`, row.host, row.status ?? "", row.verdict, row.reason],
    empty: "",
    columns: [
      { head: "Rank", number: true, cell: (row) => String(row.rank), order: (row) => row.rank },
      { head: "Host", class: "name", cell: (row) => safeCut(row.host, 60), order: (row) => row.host },
      { head: "Status", cell: (row) => (row.status === null ? h("span", { class: "faint" }, "none") : statusMark(row.status)), order: (row) => row.status ?? "" },
      number("Points", (row) => row.points, formatCount),
      number("Last step", (row) => row.last_step),
      number("Steps/s", (row) => row.steps_per_s),
      ...(stepTime === null ? [] : [number(`Mean of ${safeCut(stepTime, 40)}`, (row) => row.step_time)]),
      { head: "Last point", cell: (row) => lastPoint(row), order: (row) => Date.parse(row.last_time ?? "") },
      number("Steps behind", (row) => row.lag_steps),
      number("At its pace", (row) => row.lag_s, (seconds) => (seconds > 0 ? formatDuration(seconds) : "0")),
      { head: "Verdict", class: "verdict", cell: verdict, order: (row) => `${isOdd(row) ? 0 : 1} ${row.verdict}` },
    ],
  });
}

function lastPoint(row: RankRow): Child {
  const time = Date.parse(row.last_time ?? "");
  return Number.isFinite(time) ? h("time", { title: formatTime(time) }, formatAgo(time)) : h("span", { class: "faint" }, "none");
}

function verdict(row: RankRow): Child {
  return [h("span", { class: "rank-verdict", data: { verdict: row.verdict } }, row.verdict), row.reason !== "" && h("span", { class: "soft" }, ` ${row.reason}`)];
}
