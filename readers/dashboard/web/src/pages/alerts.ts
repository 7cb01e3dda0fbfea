// The alerts: which rules are watched and what they found, the newest first; new ones come as they are raised.

import "../styles/run.css";
import "../styles/compare.css";

import { getAlerts, type AlertsAnswer } from "../api";
import { fill, h } from "../dom";
import { exactNumber, formatNumber, formatTime, toNumber } from "../format";
import { bindKeys } from "../keys";
import { connectLive } from "../live";
import { here, replaceParams, runPath, type PageLocation } from "../router";
import { errorState, loadingState } from "../states";
import { alertKey, ruleWords } from "../views/alertwords";
import { listing } from "../views/listing";
import { longText } from "../views/longtext";

type Alert = AlertsAnswer["alerts"][number];
const MOST = 5000;

export function mount(root: HTMLElement, location: PageLocation): () => void {
  const closed = new AbortController();
  let alerts: Alert[] = [];
  let shown = false;
  const rules = h("section", { class: "part" });
  const list = listing<Alert>({
    noun: ["alert", "alerts"],
    texts: (alert) => [alert.words, alert.run_id, alert.key, alert.rule],
    empty: h("p", { class: "soft" }, "No alert has been raised. Values that turn NaN, cross a threshold, stop improving or stop coming show up here, for the rules that are watched."),
    search: location.params.get("find") ?? "",
    onSearch: (text) => replaceParams(withText(here().params, text)),
    columns: [
      { head: "Time", class: "time", cell: (alert) => h("time", { datetime: alert.time }, formatTime(Date.parse(alert.time))), order: (alert) => Date.parse(alert.time) },
      { head: "What happened", class: "value", cell: (alert) => longText(alert.words, 300), order: (alert) => alert.words },
      { head: "Run", class: "name", cell: (alert) => h("a", { href: runPath(alert.run_id) }, h("code", null, alert.run_id)), order: (alert) => alert.run_id },
      { head: "Metric", class: "name", cell: (alert) => longText(alert.key, 100), order: (alert) => alert.key },
      { head: "Value", number: true, cell: (alert) => (alert.value === null ? h("span", { class: "faint" }, "none") : h("span", { title: exactNumber(toNumber(alert.value)) }, formatNumber(toNumber(alert.value)))), order: (alert) => toNumber(alert.value) },
      { head: "Rule", class: "value", cell: (alert) => longText(alert.rule, 120), order: (alert) => alert.rule },
    ],
  });

  async function load(): Promise<void> {
    if (!shown) fill(root, loadingState("Loading the alerts"));
    try {
      const answer = await getAlerts(closed.signal);
      if (closed.signal.aborted) return;
      shown = true;
      fill(root, h("div", { class: "alerts-page" }, h("h1", null, "Alerts"), list.element, rules));
      drawRules(answer.rules);
      alerts = [];
      add(answer.alerts);
    } catch (error) {
      if (!closed.signal.aborted) fill(root, errorState(error, () => void load()));
    }
  }

  function drawRules(found: AlertsAnswer["rules"]): void {
    const none = h("p", { class: "soft" }, "None yet. ", h("code", null, 'steplog watch RUN --fail-on "loss is nan"'), " watches a run from the terminal.");
    fill(rules, h("h2", null, "Rules"), found.length === 0 ? none : h("ul", { class: "rules" }, found.slice(0, 500).map((rule) => h("li", { class: "rule-words" }, longText(ruleWords(rule), 300)))));
  }

  function add(more: readonly Alert[]): void {
    const known = new Set(alerts.map(alertKey));
    alerts = [...more.filter((alert) => !known.has(alertKey(alert))), ...alerts].sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : 0)).slice(0, MOST);
    list.update(alerts);
  }

  const live = connectLive({ runs: [], keys: null, onAlert: (alert) => shown && add([alert]), onResync: () => void load() });
  const unbind = bindKeys("Alerts", [{ key: "/", what: "search the alerts", run: () => root.querySelector<HTMLElement>("[data-search]:not([hidden])")?.focus() }]);
  document.title = "Alerts · steplog";
  void load();
  return () => {
    closed.abort();
    live.close();
    unbind();
    document.title = "steplog";
  };
}

function withText(params: URLSearchParams, text: string): URLSearchParams {
  const next = new URLSearchParams(params);
  if (text === "") next.delete("find");
  else next.set("find", text);
  return next;
}
