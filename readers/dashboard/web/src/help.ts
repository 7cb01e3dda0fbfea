// The keys that work now, listed by page.

import { h } from "./dom";
import { boundKeys } from "./keys";

const SHOWN: Record<string, string> = { ArrowDown: "↓", ArrowUp: "↑", ArrowLeft: "←", ArrowRight: "→", Escape: "Esc", " ": "Space" };

export function openHelp(): void {
  if (document.querySelector("dialog.help")) return;
  const dialog = h(
    "dialog",
    { class: "dialog help", "aria-label": "Keys" },
    h("div", { class: "help-head" }, h("h2", null, "Keys"), h("button", { class: "button button-quiet", type: "button", on: { click: () => dialog.close() } }, "Close")),
    h(
      "div",
      { class: "help-scopes" },
      [...boundKeys()].reverse().map((scope) =>
        h(
          "section",
          null,
          h("h3", null, scope.title),
          h(
            "dl",
            null,
            merged(scope.bindings).map(({ keys, what }) => [h("dt", null, keys.map((key, k) => [k > 0 && " or ", caps(key)])), h("dd", null, what)]),
          ),
        ),
      ),
    ),
  );
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
}

/** Keys that do the same stand on one line. */
function merged(bindings: readonly { key: string; what: string }[]): { keys: string[]; what: string }[] {
  const lines = new Map<string, string[]>();
  for (const { key, what } of bindings) {
    const keys = lines.get(what);
    if (keys) keys.push(key);
    else lines.set(what, [key]);
  }
  return [...lines].map(([what, keys]) => ({ keys, what }));
}

function caps(key: string): HTMLElement[] {
  const parts = key === " " ? [key] : key.split(" ");
  return parts.map((part) => h("kbd", null, /^[A-Z]$/.test(part) ? `⇧ ${part}` : (SHOWN[part] ?? part)));
}
