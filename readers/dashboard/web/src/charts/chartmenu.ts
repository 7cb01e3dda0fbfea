// What can be done with one chart, from its menu.

import { postSeries } from "../api";
import { openMenu } from "../menu";
import { notice } from "../notice";
import { told } from "../states";
import type { Board, Chart } from "./chart";
import { fileName, save, seriesCsv } from "./exports";
import { chartPng } from "./picture";
import { decodeSeries } from "./series";

const FINEST = 4000;

export function chartMenu(anchor: HTMLElement, chart: Chart, board: Board, full: boolean): void {
  const { key } = chart;
  const own = board.own(key);
  const logY = own.logY ?? board.view.logY;
  const bulk = own.bulk ?? board.view.bulk;
  openMenu(
    anchor,
    [
      { label: "Logarithmic y", checked: logY, run: () => board.setOwn(key, { ...own, logY: !logY }) },
      { label: "Leave outliers out", checked: bulk, run: () => board.setOwn(key, { ...own, bulk: !bulk }) },
      { label: "Show as a table", checked: chart.tableShown, run: () => chart.toggleTable() },
      ...(full ? [] : [{ label: "Full screen", run: () => board.openFull(key), keys: "Enter" }]),
      ...(chart.zoom ? [{ label: "Reset zoom", run: () => board.zoom(key, null), keys: "Esc" }] : []),
      { label: "Download as PNG", run: () => void downloadPng(chart, board) },
      { label: "Download as CSV", run: () => void downloadCsv(chart, board) },
    ],
    key,
  );
}

async function downloadPng(chart: Chart, board: Board): Promise<void> {
  const picture = chart.canvas && (await chartPng(chart.canvas, chart.key, board));
  if (picture) save(fileName(chart.key, "png"), picture);
  else notice("There is nothing drawn in this chart yet", "bad");
}

/** As fine as the server gives it: every point of a run that has up to 4,000 in the range. */
async function downloadCsv(chart: Chart, board: Board): Promise<void> {
  const zoom = chart.zoom ? { from: chart.zoom.from, to: chart.zoom.to } : {};
  try {
    const answer = await postSeries({ runs: board.runs, key: chart.key, x: board.view.x, ...zoom, buckets: FINEST });
    const names = new Map(board.runs.map((id) => [id, board.name(id)]));
    save(fileName(chart.key, "csv"), new Blob([seriesCsv(decodeSeries(answer), names)], { type: "text/csv" }));
  } catch (error) {
    const { title, hint } = told(error);
    notice(`${title} ${hint}`.trim(), "bad");
  }
}
