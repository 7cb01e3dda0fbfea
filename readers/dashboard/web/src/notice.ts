// One line at the foot of the page that says what just happened and goes by itself.

import { h } from "./dom";

let place: HTMLElement | null = null;

export function notice(words: string, kind: "info" | "good" | "bad" = "info"): void {
  place ??= document.body.appendChild(h("div", { class: "notices", role: "status", "aria-live": "polite" }));
  const line = h("div", { class: `notice notice-${kind}` }, words);
  place.append(line);
  window.setTimeout(() => line.remove(), kind === "bad" ? 9000 : 4500);
}
