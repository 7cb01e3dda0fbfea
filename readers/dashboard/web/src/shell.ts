// What stands around every page: the bar with the pages' names, the store, the connection, the theme.

import { h } from "./dom";
import { listenToKeys } from "./keys";
import * as alerts from "./pages/alerts";
import * as compare from "./pages/compare";
import * as run from "./pages/run";
import * as runs from "./pages/runs";
import { startRouter } from "./router";

export function startShell(app: HTMLElement): void {
  const page = h("main", { class: "page" });
  app.append(page);
  listenToKeys();
  startRouter(page, { runs: runs.mount, run: run.mount, compare: compare.mount, alerts: alerts.mount });
}
