// A chart as a file: CSV of what is drawn.

import type { RunPart, Series } from "./series";

/** One row a point, or a bucket where a run has more points than the answer has buckets. Formulas in names stay text. */
export function seriesCsv(series: Series, names: ReadonlyMap<string, string>): string {
  const lines = [["run_id", "run", series.x, "value", "min", "max", "not_finite"].map(cell).join(",")];
  for (const run of series.runs) {
    const head = `${cell(run.runId)},${cell(names.get(run.runId) ?? run.runId)}`;
    for (const row of rows(run, series)) lines.push(`${head},${row}`);
  }
  return `${lines.join("\r\n")}\r\n`;
}

function* rows(run: RunPart, { edges }: Series): Generator<string> {
  if (run.raw) {
    for (let k = 0; k < run.x.length; k += 1) yield `${run.x[k]},${run.y[k]},,,`;
    return;
  }
  const width = (edges.hi - edges.lo) / edges.n;
  for (let k = 0; k < run.min.length; k += 1) {
    if (Number.isNaN(run.min[k] as number) && run.odd[k] === 0) continue;
    yield `${edges.lo + (k + 0.5) * width},${run.last[k]},${run.min[k]},${run.max[k]},${run.odd[k]}`;
  }
}

function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** A file's name from a metric's key. */
export function fileName(key: string, suffix: string): string {
  return `${key.replace(/[^\p{L}\p{N}._-]+/gu, "_").slice(0, 80) || "chart"}.${suffix}`;
}

/** Has the browser save it. */
export function save(name: string, content: Blob): void {
  const address = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
