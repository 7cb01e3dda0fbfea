// What stands around every page: the bar with the pages' names, the store, the connection, the theme, the help.

import { getStore } from "./api";
import { h } from "./dom";
import { formatTime } from "./format";
import { openHelp } from "./help";
import { icon, type IconName } from "./icons";
import { bindKeys, listenToKeys } from "./keys";
import { lazyPage } from "./lazy";
import { connectLive, type LiveState } from "./live";
import { openMenu } from "./menu";
import * as runs from "./pages/runs";
import { comparePath, here, navigate, onLocation, runsOf, startRouter, type PageLocation } from "./router";
import { chooseTheme, onTheme, theme, themeChoice, type Choice } from "./theme";

/** How long a connection may be away before the page says more than a dot. */
const PATIENCE_MS = 3000;

const STATE_WORDS: Record<LiveState, string> = { connecting: "Connecting", live: "Live", stale: "Stale", off: "Offline" };
const STATE_TITLES: Record<LiveState, string> = {
  connecting: "Connecting to the server",
  live: "Connected: what changes in the store shows by itself",
  stale: "Connected, but the server has been silent for a while",
  off: "No connection to the server; trying again",
};

export function startShell(app: HTMLElement): void {
  const page = h("main", { class: "page", id: "page" });
  const bar = new Bar();
  const banner = h("div", { class: "banner", role: "status", hidden: true });
  app.append(h("a", { class: "skip", href: "#page" }, "Skip to the page"), bar.element, banner, page);
  const connection = new Connection(bar, banner);

  listenToKeys();
  bindKeys("Everywhere", [
    { key: "g r", what: "go to the runs", run: () => navigate(bar.runsPath()) },
    { key: "g c", what: "go to the comparison", run: () => navigate(bar.comparePath()) },
    { key: "g a", what: "go to the alerts", run: () => navigate("/alerts") },
    { key: "t", what: "light or dark", run: () => chooseTheme(theme() === "dark" ? "light" : "dark") },
    { key: "?", what: "this list of keys", run: openHelp },
  ]);
  onLocation((location) => bar.showPlace(location));
  startRouter(page, {
    runs: runs.mount,
    run: lazyPage(() => import("./pages/run")),
    compare: lazyPage(() => import("./pages/compare")),
    alerts: lazyPage(() => import("./pages/alerts")),
  });
  connectLive({ runs: [], keys: [], onState: (state) => connection.show(state), onAlert: () => bar.addAlert() });
  void bar.showStore();
}

class Bar {
  readonly element: HTMLElement;
  private readonly links = {
    runs: h("a", { href: "/" }, "Runs"),
    compare: h("a", { href: "/compare" }, "Compare"),
    alerts: h("a", { href: "/alerts" }, "Alerts"),
  };
  private readonly store = h("span", { class: "bar-store cut" });
  private readonly readOnly = h("span", { class: "badge", hidden: true, title: "This server refuses changes: no stopping of runs, no tags, no notes" }, "read-only");
  private readonly state = h("span", { class: "bar-state", role: "status" });
  private readonly themeButton: HTMLButtonElement;
  private readonly alertCount = h("span", { class: "bar-count", hidden: true });
  private newAlerts = 0;
  private lastRuns = "/";
  private storeName = "";

  constructor() {
    this.themeButton = h("button", { class: "button button-quiet bar-icon", type: "button", "aria-haspopup": "menu", on: { click: () => this.chooseTheme() } });
    this.links.alerts.append(this.alertCount);
    this.element = h(
      "header",
      { class: "bar" },
      h("a", { class: "brand", href: "/", "aria-label": "steplog: all runs" }, icon("logo"), h("span", null, "steplog")),
      h("nav", { class: "bar-nav", "aria-label": "Pages" }, this.links.runs, this.links.compare, this.links.alerts),
      h("div", { class: "bar-space" }),
      this.store,
      this.readOnly,
      this.state,
      this.themeButton,
      h("button", { class: "button button-quiet bar-icon", type: "button", title: "Keys (?)", "aria-label": "Keys", on: { click: openHelp } }, "?"),
    );
    this.showTheme();
    onTheme(() => this.showTheme());
  }

  /** The runs page as it was left. */
  runsPath(): string {
    return here().path === "/" ? "/" : this.lastRuns;
  }

  comparePath(): string {
    return this.links.compare.getAttribute("href") ?? "/compare";
  }

  showPlace(location: PageLocation): void {
    const { path, params } = location;
    const at = path.startsWith("/compare") ? "compare" : path.startsWith("/alerts") ? "alerts" : "runs";
    for (const [name, link] of Object.entries(this.links)) {
      if (name === at) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    if (path === "/") this.lastRuns = `/${window.location.search}`;
    this.links.runs.href = this.runsPath();
    const chosen = runsOf(params);
    if (path === "/") this.links.compare.href = chosen.length > 0 ? comparePath(chosen) : "/compare";
    else if (at === "compare") this.links.compare.href = path + window.location.search;
    if (at === "alerts") this.clearAlerts();
    this.showTitle(at === "runs" && path !== "/" ? "run" : at);
  }

  showState(state: LiveState): void {
    this.state.dataset["state"] = state;
    this.state.title = STATE_TITLES[state];
    this.state.replaceChildren(h("span", { class: "bar-state-word" }, STATE_WORDS[state]));
  }

  addAlert(): void {
    if (here().path.startsWith("/alerts")) return;
    this.newAlerts += 1;
    this.alertCount.hidden = false;
    this.alertCount.textContent = String(this.newAlerts);
    this.links.alerts.setAttribute("aria-label", `Alerts, ${this.newAlerts} new`);
  }

  async showStore(): Promise<void> {
    try {
      const store = await getStore();
      this.storeName = store.name;
      this.store.textContent = store.name;
      this.store.title = `${store.name} (steplog ${store.version})`;
      this.readOnly.hidden = !store.read_only;
      document.documentElement.dataset["readOnly"] = String(store.read_only);
      this.showPlace(here());
    } catch {
      this.store.textContent = ""; // the page itself says what is wrong
    }
  }

  private clearAlerts(): void {
    this.newAlerts = 0;
    this.alertCount.hidden = true;
    this.links.alerts.removeAttribute("aria-label");
  }

  /** Pages that know better (a run's name) set the title themselves, after this. */
  private showTitle(at: string): void {
    const words = { runs: "Runs", run: "Run", compare: "Compare", alerts: "Alerts" }[at] ?? "";
    document.title = [words, this.storeName, "steplog"].filter((part) => part !== "").join(" · ");
  }

  private showTheme(): void {
    const choice = themeChoice();
    const shown: Record<Choice, IconName> = { system: "system", light: "sun", dark: "moon" };
    this.themeButton.replaceChildren(icon(shown[choice]));
    this.themeButton.title = `Theme: ${choice}`;
    this.themeButton.setAttribute("aria-label", `Theme: ${choice}`);
  }

  private chooseTheme(): void {
    const item = (choice: Choice, label: string) => ({ label, checked: themeChoice() === choice, run: () => chooseTheme(choice) });
    openMenu(this.themeButton, [item("system", "As the system"), item("light", "Light"), item("dark", "Dark")], "Theme");
  }
}

/** The connection's state: a dot at once, a line of words when it stays away. */
class Connection {
  private timer = 0;
  private lastLive = Date.now();
  private now: LiveState = "connecting";

  constructor(
    private readonly bar: Bar,
    private readonly banner: HTMLElement,
  ) {
    bar.showState("connecting");
  }

  show(state: LiveState): void {
    if (this.now === "live" && state !== "live") this.lastLive = Date.now();
    this.now = state;
    this.bar.showState(state);
    window.clearTimeout(this.timer);
    if (state === "live") this.banner.hidden = true;
    else this.timer = window.setTimeout(() => this.say(), PATIENCE_MS);
  }

  private say(): void {
    const since = formatTime(this.lastLive).slice(11);
    this.banner.textContent =
      this.now === "stale"
        ? `The server has been silent since ${since}. What you see may be out of date.`
        : `No connection to the server. What you see is as of ${since}; trying again.`;
    this.banner.hidden = false;
  }
}
