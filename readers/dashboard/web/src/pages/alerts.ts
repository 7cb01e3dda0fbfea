// The alerts: which rules are watched and what they found, the newest first; new ones come as they are raised.

import "../styles/run.css";
import "../styles/compare.css";

import type { AlertsAnswer } from "../answers";
import { getAlerts } from "../api";
import { fill, h } from "../dom";
import { exactNumber, formatNumber, formatTime, toNumber } from "../format";
import { bindKeys } from "../keys";
import { connectLive } from "../live";
import { here, replaceParams, runPath, type PageLocation } from "../router";
import { errorState, loadingState } from "../states";
import { mergedAlerts, type Alert } from "../views/alertwords";
import { listing } from "../views/listing";
import { longText, safeCut } from "../views/longtext";

const MOST = 5000;

export function mount(root: HTMLElement, location: PageLocation): () => void {
  const closed = new AbortController();
  let alerts: Alert[] = [];
  let shown = false;
  const rules = h("section", { class: "part" });
  const list = listing<Alert>({
    noun: ["alert", "alerts"],
    texts: (alert) => [alert.words, alert.run_name ?? "", alert.run_id, alert.key, alert.rule],
    empty: h("p", { class: "soft" }, "No alert has been raised. Values that turn NaN, cross a threshold, stop improving or stop coming show up here, for the rules that are watched."),
    search: location.params.get("find") ?? "",
    onSearch: (text) => replaceParams(withText(here().params, text)),
    columns: [
      { head: "Time", class: "time", cell: (alert) => h("time", { datetime: alert.time }, formatTime(Date.parse(alert.time))), order: (alert) => Date.parse(alert.time) },
      { head: "What happened", class: "value", cell: (alert) => [alert.active === true && h("span", { class: "chip alert-active" }, "still so"), longText(alert.words, 300)], order: (alert) => alert.words },
      { head: "Run", class: "name", cell: (alert) => h("a", { href: runPath(alert.run_id) }, safeCut(alert.run_name || alert.run_id, 100)), order: (alert) => alert.run_name || alert.run_id },
      { head: "Metric", class: "name", cell: (alert) => longText(alert.key, 100), order: (alert) => alert.key },
      { head: "Value", number: true, cell: (alert) => (alert.value === null ? h("span", { class: "faint" }, "none") : h("span", { title: exactNumber(toNumber(alert.value)) }, formatNumber(toNumber(alert.value)))), order: (alert) => toNumber(alert.value) },
      { head: "Step", number: true, cell: (alert) => (alert.step === null || alert.step === undefined ? h("span", { class: "faint" }, "none") : exactNumber(toNumber(alert.step))), order: (alert) => toNumber(alert.step) },
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
      drawRules(answer);
      add(answer.alerts);
    } catch (error) {
      if (!closed.signal.aborted) fill(root, errorState(error, () => void load()));
    }
  }

  function drawRules(answer: AlertsAnswer): void {
    fill(
      rules,
      h("h2", null, "Rules that are watched"),
      typeof answer.problem === "string" && answer.problem !== "" && h("p", { class: "bad" }, answer.problem),
      h("ul", { class: "rules" }, answer.rules.slice(0, 500).map((rule) => h("li", null, h("code", { class: "long" }, safeCut(rule, 500))))),
      h("p", { class: "faint" }, "Give others with ", h("code", null, 'steplog ui --alert "loss > 10"'), " or in the store's control/alerts.json."),
    );
  }

  function add(more: readonly Alert[]): void {
    alerts = mergedAlerts(alerts, more, MOST);
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
