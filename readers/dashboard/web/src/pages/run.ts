// A run's page: its head, and below it one part at a time; which one stands in the address.

import "../styles/run.css";

import type { RunAnswer } from "../answers";
import { ApiError, getRun, getSession } from "../api";
import { claimColours } from "../colour";
import { fill, h } from "../dom";
import { formatCount, plural } from "../format";
import { bindKeys } from "../keys";
import { connectLive } from "../live";
import { here, replaceParams, runPath, type PageLocation } from "../router";
import { emptyState, errorState, loadingState } from "../states";
import { artifactsSection } from "../views/artifacts";
import { chartsSection, systemSection } from "../views/charts";
import { environmentSection } from "../views/environment";
import { eventLog } from "../views/eventlog";
import { safeCut } from "../views/longtext";
import { modelsSection } from "../views/modelssection";
import { overview } from "../views/overview";
import { rankSection } from "../views/ranktable";
import { runHeader, type RunHeader } from "../views/runheader";
import type { Section, SectionContext } from "../views/section";
import { tabList, type Tab } from "../views/tabs";

const TABS = ["overview", "charts", "system", "artifacts", "models", "environment", "events", "ranks"] as const;
type TabId = (typeof TABS)[number];
const TITLES: Readonly<Record<TabId, string>> = {
  overview: "Overview",
  charts: "Charts",
  system: "System",
  artifacts: "Files",
  models: "Models",
  environment: "Environment",
  events: "Events",
  ranks: "Ranks",
};
/** Between two looks at a run that changes; longer where an answer takes long. */
const LOOK_AGAIN_MS = 1500;
/** Files and events of a running run change nothing in the table of runs, whose changes are pushed. */
const LOOK_ANYWAY_MS = 10_000;

export function mount(root: HTMLElement, location: PageLocation): () => void {
  const runId = location.id ?? "";
  const closed = new AbortController();
  const told = h("p", { class: "faint", hidden: true });
  const body = h("div", { class: "section", id: "run-section", role: "tabpanel" });
  let params = location.params;
  let header: RunHeader | null = null;
  let answer: RunAnswer | null = null;
  let readOnly = true;
  let active: TabId = tabOf(params.get("tab"));
  let section: Section | null = null;
  let asking = false;
  let again = false;
  let timer = 0;

  const tabs = tabList({
    label: "Parts of the run",
    panel: "run-section",
    address: (id) => `${runPath(runId)}${id === "overview" ? "" : `?tab=${id}`}`,
    choose: (id) => choose(tabOf(id)),
  });
  const context: SectionContext = {
    runId,
    param: (name) => params.get(name),
    setParam: (name, value) => {
      params = new URLSearchParams(here().params);
      if (value === null) params.delete(name);
      else params.set(name, value);
      replaceParams(params);
    },
    look: () => void look(),
  };

  function choose(id: TabId): void {
    if ((id === active && section !== null) || (id === "ranks" && answer?.ranks === null)) return;
    active = id;
    context.setParam("tab", id === "overview" ? null : id);
    showSection();
  }

  function showSection(): void {
    if (answer === null) return;
    section?.dispose?.();
    body.replaceChildren();
    body.setAttribute("aria-labelledby", `tab-${active}`);
    section = sectionOf(active, answer);
    body.append(section.element);
    section.update(answer);
    tabs.update(tabsOf(answer), active);
  }

  function sectionOf(id: TabId, first: RunAnswer): Section {
    const onParams = (next: URLSearchParams): void => {
      params = next;
      replaceParams(next);
    };
    const name = first.run.run_name || runId;
    if (id === "charts") return chartsSection(context, name, new URLSearchParams(params), onParams);
    if (id === "system") return systemSection(context, name, new URLSearchParams(params), onParams);
    if (id === "artifacts") return artifactsSection(context);
    if (id === "models") return modelsSection();
    if (id === "environment") return environmentSection(context);
    if (id === "ranks") return rankSection(context);
    return id === "events" ? eventLog(context) : overview(context);
  }

  async function look(): Promise<void> {
    if (asking) {
      again = true;
      return;
    }
    asking = true;
    const began = Date.now();
    try {
      const next = await getRun(runId, closed.signal, params.get("step_time"));
      if (closed.signal.aborted) return;
      show(next);
    } catch (error) {
      if (!closed.signal.aborted && answer === null) fill(root, failed(error, () => void look()));
    } finally {
      asking = false;
    }
    if (again && !closed.signal.aborted) {
      again = false;
      lookSoon(Math.max(LOOK_AGAIN_MS, 4 * (Date.now() - began)));
    }
  }

  function lookSoon(wait = LOOK_AGAIN_MS): void {
    if (timer !== 0 || closed.signal.aborted) return;
    timer = window.setTimeout(() => {
      timer = 0;
      void look();
    }, wait);
  }

  function show(next: RunAnswer): void {
    answer = next;
    told.textContent = cutWords(next);
    told.hidden = next.truncated === null;
    document.title = `${safeCut(next.run.run_name || runId, 80)} · steplog`;
    if (header === null) {
      header = runHeader(next, readOnly, () => lookSoon(300));
      fill(root, h("div", { class: "run-page" }, header.element, tabs.element, told, body));
      showSection();
      return;
    }
    header.update(next);
    section?.update(next);
    tabs.update(tabsOf(next), active);
  }

  async function start(): Promise<void> {
    fill(root, loadingState("Loading the run"));
    try {
      readOnly = (await getSession()).read_only;
    } catch {
      readOnly = true; // look() says what is wrong, if it is still wrong then
    }
    await look();
  }

  claimColours([runId]);
  const live = connectLive({
    runs: [],
    keys: [],
    onRuns: (changed) => changed.some((run) => run.run_id === runId || run["parent_run_id"] === runId) && lookSoon(),
    onResync: () => lookSoon(),
  });
  const clock = window.setInterval(() => answer?.run.status === "RUNNING" && header?.tick(), 1000);
  const fallback = window.setInterval(() => answer?.run.status === "RUNNING" && document.visibilityState === "visible" && lookSoon(), LOOK_ANYWAY_MS);
  const unbind = bindKeys("Run", [
    ...TABS.map((id, index) => ({ key: String(index + 1), what: TITLES[id], run: () => choose(id) })),
    { key: "/", what: "search this part", run: () => focusSearch(body) },
  ]);
  void start();

  return () => {
    closed.abort();
    live.close();
    unbind();
    window.clearInterval(clock);
    window.clearInterval(fallback);
    window.clearTimeout(timer);
    section?.dispose?.();
    document.title = "steplog";
  };
}

function tabsOf(answer: RunAnswer): Tab[] {
  const counts: Partial<Record<TabId, number>> = {
    artifacts: answer.truncated?.artifacts ?? answer.artifacts.length,
    models: answer.models.length + (answer.truncated?.checkpoints ?? answer.checkpoints.length),
    charts: answer.metrics.filter((metric) => !metric.system).length,
    ranks: answer.ranks?.count ?? 0,
  };
  return TABS.filter((id) => id !== "ranks" || answer.ranks !== null).map((id) => ({ id, title: TITLES[id], count: counts[id] === undefined || counts[id] === 0 ? undefined : formatCount(counts[id]) }));
}

/** What isn't listed whole, in words. */
function cutWords({ truncated, metrics, artifacts, checkpoints }: RunAnswer): string {
  const parts = [
    truncated?.metrics && `the first ${formatCount(metrics.length)} of ${plural(truncated.metrics, "metric")}`,
    truncated?.artifacts && `the first ${formatCount(artifacts.length)} of ${plural(truncated.artifacts, "file")}`,
    truncated?.checkpoints && `the last ${formatCount(checkpoints.length)} of ${plural(truncated.checkpoints, "checkpoint")}`,
  ];
  return `Listed here: ${parts.filter(Boolean).join(", ")}.`;
}

function tabOf(text: string | null): TabId {
  return TABS.find((id) => id === text) ?? "overview";
}

function failed(error: unknown, retry: () => void): HTMLElement {
  if (!(error instanceof ApiError) || error.status !== 404) return errorState(error, retry);
  return emptyState(error.error || "No such run in this store", error.hint, h("br"), h("a", { href: "/" }, "All runs"));
}

function focusSearch(body: HTMLElement): boolean {
  const field = body.querySelector<HTMLElement>("[data-search]:not([hidden])");
  field?.focus();
  return field !== null;
}
