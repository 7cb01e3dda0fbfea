// What a page says when it has nothing to show: empty, loading, wrong. One look everywhere.

import { ApiError } from "./api";
import { h, type Child } from "./dom";

/** Nothing there, and what to do about it. */
export function emptyState(title: string, ...hint: Child[]): HTMLElement {
  return h("div", { class: "state" }, h("p", { class: "state-title" }, title), hint.length > 0 && h("p", { class: "state-hint" }, ...hint));
}

/** Shown at once, but only visible after 200 ms (CSS): quick answers don't flicker. */
export function loadingState(words = "Loading"): HTMLElement {
  return h("div", { class: "state state-loading", role: "status" }, h("p", { class: "state-title" }, words));
}

/** What went wrong in the server's words, and a button to ask again. */
export function errorState(error: unknown, retry?: () => void, label = "Try again"): HTMLElement {
  const { title, hint } = told(error);
  return h(
    "div",
    { class: "state state-error", role: "alert" },
    h("p", { class: "state-title" }, title),
    hint !== "" && h("p", { class: "state-hint" }, hint),
    retry && h("button", { class: "button", type: "button", on: { click: retry } }, label),
  );
}

export function told(error: unknown): { title: string; hint: string } {
  if (error instanceof ApiError) return { title: error.error, hint: error.hint };
  return { title: "Something went wrong in the page", hint: error instanceof Error ? error.message : String(error) };
}
