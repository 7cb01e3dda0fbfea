// Alerts, as the list and the live feed give them.

import type { AlertsAnswer } from "../answers";

export type Alert = AlertsAnswer["alerts"][number];

/** The same alert, once from the list and once pushed, has the same key. */
export function alertKey(alert: Alert): string {
  return JSON.stringify([alert.time, alert.run_id, alert.key, alert.rule]);
}

/** Newest first, each once; of two that are the same, the later known. */
export function mergedAlerts(known: readonly Alert[], more: readonly Alert[], most: number): Alert[] {
  const all = new Map([...known, ...more].map((alert) => [alertKey(alert), alert]));
  return [...all.values()].sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : 0)).slice(0, most);
}
