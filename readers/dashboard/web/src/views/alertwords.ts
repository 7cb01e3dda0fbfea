// Alerts and rules in words, as the server gives them.

import type { AlertsAnswer } from "../api";

/** The same alert, once from the list and once pushed, has the same key. */
export function alertKey(alert: AlertsAnswer["alerts"][number]): string {
  return JSON.stringify([alert.time, alert.run_id, alert.key, alert.rule]);
}

/** A rule as its author would say it; fields without words of their own as "name value". */
export function ruleWords(rule: Readonly<Record<string, unknown>>): string {
  const said = rule["words"] ?? rule["text"] ?? rule["rule"];
  if (typeof said === "string" && said !== "") return said;
  return Object.entries(rule)
    .filter(([, value]) => value !== null && value !== "")
    .map(([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : String(value)}`)
    .join(", ");
}
