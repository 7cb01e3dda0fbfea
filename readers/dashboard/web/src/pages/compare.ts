// The compare page: runs side by side, one question at a time. All choices stand in the address.

import "../styles/run.css";
import "../styles/compare.css";

import type { Scope } from "../answers";
import { getRuns, postCompare } from "../api";
import { mountPanels } from "../charts/panels";
import { claimColours } from "../colour";
import { fill, h } from "../dom";
import { formatCount, plural } from "../format";
import { bindKeys } from "../keys";
import { connectLive } from "../live";
import { here, navigate, replaceParams, runsOf, type PageLocation } from "../router";
import { emptyState, errorState, loadingState } from "../states";
import { chosen, type Brushes } from "../views/brushes";
import { choice, namesAsOptions } from "../views/choice";
import { choicesOf, PARTS, withChoices, type Choices, type Part } from "../views/choices";
import type { Column } from "../views/columns";
import { columnsOf, comparedOf, directionOf, groupingOf, groupings, metricOf, pairingOf, pairings, valuesOf, type Compared } from "../views/compared";
import { comparedRuns } from "../views/comparedruns";
import { differencesPart } from "../views/differencespart";
import { importanceView } from "../views/importance";
import { parallelPart, type PartView } from "../views/parallelpart";
import { scatterPart } from "../views/scatterpart";
import { tabList } from "../views/tabs";
import { verdictsView } from "../views/verdicts";

const TITLES: Readonly<Record<Part, string>> = {
  differences: "Differences",
  curves: "Curves",
  parallel: "Parallel coordinates",
  importance: "Importance",
  verdicts: "Verdicts",
  scatter: "Scatter",
};
/** As many as the server compares at once; of an experiment with more, the newest. */
const MOST = 1000;

export function mount(root: HTMLElement, location: PageLocation): () => void {
  const closed = new AbortController();
  let asking = new AbortController();
  let params = location.params;
  let compared: Compared | null = null;
  let columns: Column[] = [];
  let part: PartView | null = null;
  let cutWords = "";

  const head = h("header", { class: "compare-head" });
  const selection = h("div", { class: "selection", role: "status" });
  const changed = h("div", { class: "changed", role: "status", hidden: true }, "The runs have gone on since. ", h("button", { class: "more", type: "button", on: { click: () => void load() } }, "Look again"));
  const body = h("div", { class: "section", id: "compare-section", role: "tabpanel" });
  const tabs = tabList({ label: "Questions", panel: "compare-section", address: (id) => `/compare?${withChoices(params, { part: id as Part }).toString()}`, choose: (id) => choose({ part: id as Part }) });

  const choices = (): Choices => choicesOf(params);

  function write(next: URLSearchParams): void {
    params = next;
    replaceParams(params);
  }

  function choose(change: Partial<Choices>): void {
    write(withChoices(here().params, change));
    showPart();
  }

  async function load(): Promise<void> {
    changed.hidden = true;
    if (compared === null) fill(root, loadingState("Loading the runs"));
    try {
      const ids = await idsOf();
      if (ids.length === 0) {
        fill(root, nothingChosen());
        return;
      }
      const answer = await postCompare(ids, closed.signal);
      if (closed.signal.aborted) return;
      compared = comparedOf(answer);
      columns = columnsOf(compared);
      claimColours(compared.runs.map((run) => run.id));
      show();
    } catch (error) {
      if (!closed.signal.aborted) fill(root, h("div", { class: "compare-page" }, errorState(error, () => void load())));
    }
  }

  async function idsOf(): Promise<string[]> {
    const named = [...new Set(runsOf(params))];
    if (named.length > 0) {
      cutWords = named.length > MOST ? `the first ${formatCount(MOST)} of ${plural(named.length, "run")}` : "";
      return named.slice(0, MOST);
    }
    const experiment = params.get("experiment") ?? "";
    if (experiment === "") return [];
    const answer = await getRuns({ experiment, filter: params.get("filter") ?? "" }, closed.signal);
    const ids = (answer.data["run_id"] ?? []).map(String);
    cutWords = ids.length > MOST ? `the newest ${formatCount(MOST)} of ${plural(ids.length, "run")}` : "";
    return ids.slice(0, MOST);
  }

  function show(): void {
    if (compared === null) return;
    const count = plural(compared.runs.length, "run");
    const experiments = [...new Set(compared.runs.map((run) => run.experiment))];
    fill(
      head,
      h("div", { class: "run-title" }, h("h1", null, `Compare ${count}`), h("span", { class: "soft cut" }, [cutWords, experiments.length === 1 ? (experiments[0] ?? "") : plural(experiments.length, "experiment")].filter((text) => text !== "").join(", "))),
      comparedRuns(compared.runs, leaveOut),
    );
    fill(root, h("div", { class: "compare-page" }, head, changed, tabs.element, selection, body));
    document.title = `${count} compared · steplog`;
    showPart();
  }

  function showPart(): void {
    if (compared === null) return;
    const now = choices();
    const focused = body.contains(document.activeElement) ? (document.activeElement?.id ?? "") : "";
    asking.abort();
    asking = new AbortController();
    part?.dispose();
    tabs.update(PARTS.map((id) => ({ id, title: TITLES[id], count: id === "differences" ? formatCount(compared?.differences.length ?? 0) : undefined })), now.part);
    body.setAttribute("aria-labelledby", `tab-${now.part}`);
    part = partOf(now, compared);
    fill(body, part.element);
    if (focused !== "") document.getElementById(focused)?.focus(); // the control that was used goes on to have the focus
    showSelection(now.brushes);
  }

  function partOf(now: Choices, of: Compared): PartView {
    const metric = metricOf(of, now.metric || null);
    const lead = metricChoice(of, metric);
    if (now.part === "curves") return curves(now, of);
    if (now.part === "parallel") {
      return parallelPart({ lead, runs: of.runs, columns, metric, direction: directionOf(of, metric), axes: now.axes, brushes: now.brushes, onAxes: (axes) => write(withChoices(here().params, { axes })), onBrushes: brushed });
    }
    if (now.part === "scatter") {
      return scatterPart({ runs: of.runs, columns, metric, direction: (name) => directionOf(of, name.replace(/^metrics\./, "")), chosen: inside(now.brushes), x: now.x, y: now.y, colour: now.colour, choose });
    }
    if (now.part === "differences") return plain(differencesPart({ compared: of, all: now.all, onAll: (all) => choose({ all }), search: (name) => here().params.get(name) ?? "", onSearch: searched, signal: asking.signal }));
    if (metric === "") return plain(emptyState("No metric to ask about", "None of these runs has logged one."));
    if (now.part === "importance") return plain(importanceView({ lead, scope: scope(of), metric, method: now.method, onMethod: (method) => choose({ method }) }, asking.signal));
    const by = groupingOf(of, now.by);
    const pairOn = pairingOf(of, now.pairOn, by);
    return plain(verdictsView({ lead, scope: scope(of), metric, groupings: groupings(of), pairings: pairings(of), by, pairOn, choose: (name, value) => choose(name === "by" ? { by: value } : { pairOn: value || "none" }) }, asking.signal));
  }

  function searched(name: string, text: string): void {
    const next = new URLSearchParams(here().params);
    if (text === "") next.delete(name);
    else next.set(name, text);
    write(next);
  }

  function curves(now: Choices, of: Compared): PartView {
    const place = h("div", { class: "compare-curves" });
    const names = groupings(of);
    const grouped = names.includes(now.curvesBy);
    const values = valuesOf(of, now.curvesBy);
    const groups = new Map(of.runs.map((run, index) => [run.id, values[index] ?? "none"]));
    const options = [{ value: "", label: "nothing: every run for itself" }, ...namesAsOptions(names)];
    const element = h("section", { class: "part" }, names.length > 0 && h("div", { class: "controls" }, choice("Group by", options, grouped ? now.curvesBy : "", (curvesBy) => choose({ curvesBy }))), place);
    const panels = mountPanels(place, { runs: of.runs.map((run) => run.id), names: new Map(of.runs.map((run) => [run.id, run.name])), ...(grouped ? { groups } : {}), params: new URLSearchParams(params), onParams: write });
    return { element, dispose: () => panels.dispose() };
  }

  function metricChoice(of: Compared, metric: string): HTMLElement {
    return choice("Metric", namesAsOptions(of.metrics.map(({ key }) => key)), metric, (next) => choose({ metric: next }));
  }

  function inside(brushes: Brushes): boolean[] {
    return chosen(compared?.runs.length ?? 0, new Map(columns.map((column) => [column.name, column.values])), brushes);
  }

  function brushed(brushes: Brushes): void {
    write(withChoices(here().params, { brushes }));
    showSelection(brushes);
  }

  function showSelection(brushes: Brushes): void {
    const runs = compared?.runs ?? [];
    const picked = brushes.size === 0 ? [] : inside(brushes);
    const ids = runs.filter((_, index) => picked[index] === true).map((run) => run.id);
    selection.hidden = brushes.size === 0;
    fill(
      selection,
      h("span", null, h("b", { class: "num" }, formatCount(ids.length)), ` of ${plural(runs.length, "run")} chosen on the axes`),
      h("button", { class: "button", type: "button", disabled: ids.length === 0, on: { click: () => only(ids) } }, "Compare only these"),
      h("button", { class: "button button-quiet", type: "button", on: { click: clear } }, "Clear"),
    );
  }

  function clear(): void {
    write(withChoices(here().params, { brushes: new Map() }));
    if (part?.brushed) part.brushed(new Map());
    else showPart();
    showSelection(new Map());
  }

  function only(ids: readonly string[]): void {
    const next = withChoices(here().params, { brushes: new Map() });
    next.delete("experiment");
    next.delete("filter");
    next.set("runs", ids.join(","));
    navigate(`/compare?${next.toString()}`);
  }

  function leaveOut(id: string): void {
    only((compared?.runs ?? []).map((run) => run.id).filter((other) => other !== id));
  }

  function scope(of: Compared): Scope {
    return { runs: of.runs.map((run) => run.id) };
  }

  const live = connectLive({
    runs: [],
    keys: null,
    onRuns: (runs) => {
      const known = new Set(compared?.runs.map((run) => run.id));
      if (runs.some((run) => known.has(run.run_id))) changed.hidden = false;
    },
  });
  const unbind = bindKeys("Compare", [
    ...PARTS.map((id, index) => ({ key: String(index + 1), what: TITLES[id], run: () => choose({ part: id }) })),
    { key: "/", what: "search this part", run: () => focusSearch(body) },
    { key: "Escape", what: "clear what is chosen on the axes", run: () => (choices().brushes.size > 0 ? clear() : false) },
  ]);
  void load();

  return () => {
    closed.abort();
    asking.abort();
    live.close();
    unbind();
    part?.dispose();
    document.title = "steplog";
  };
}

function plain(element: HTMLElement): PartView {
  return { element, dispose: () => undefined };
}

function nothingChosen(): HTMLElement {
  return emptyState("No runs to compare", "Choose two or more in the ", h("a", { href: "/" }, "table of runs"), " and press Compare. A link to this page holds them and every choice made here.");
}

function focusSearch(body: HTMLElement): boolean {
  const field = body.querySelector<HTMLElement>("[data-search]:not([hidden])");
  field?.focus();
  return field !== null;
}
