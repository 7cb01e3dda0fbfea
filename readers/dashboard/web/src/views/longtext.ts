// Texts of any length: cut where they are long, with a way to see all of them that 10 MB can't choke.

import { formatBytes, formatCount } from "../format";
import { h } from "../dom";

const SHOWN = 240;
/** What one step of an opened text adds; a browser lays out this much at once without a pause. */
const STEP = 50_000;

/** The text, or its beginning and a button for the rest. */
export function longText(text: string, shown = SHOWN): HTMLElement {
  if (text.length <= shown) return h("span", { class: "long" }, text);
  const whole = h("span", { class: "long" });
  const cut = (): void =>
    whole.replaceChildren(
      safeCut(text, shown),
      "… ",
      h("button", { class: "more", type: "button", "aria-expanded": "false", on: { click: open } }, `show all ${sizeWords(text)}`),
    );
  const open = (): void => {
    const less = h("button", { class: "more", type: "button", "aria-expanded": "true", on: { click: cut } }, "show less");
    whole.replaceChildren(scrolledText(text), less);
    less.focus();
  };
  cut();
  return whole;
}

/** A box that scrolls through the text and lays out more of it as its end comes near. */
export function scrolledText(text: string, label = "the whole text"): HTMLElement {
  const box = h("div", { class: "scrolled", tabindex: 0, role: "region", "aria-label": label, on: { scroll: extend } });
  let at = 0;
  function extend(): void {
    while (at < text.length && box.scrollTop + box.clientHeight >= box.scrollHeight - 600) {
      const to = Math.min(text.length, lineEnd(text, at + STEP));
      box.append(h("div", { class: "piece" }, text.slice(at, to).replace(/\n$/, "")));
      at = to;
      if (!box.isConnected) break;
    }
  }
  extend();
  return box;
}

/** The first characters, never half of a pair of surrogates. */
export function safeCut(text: string, length: number): string {
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? length - 1 : length);
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  if (end >= 0 && end - from < STEP) return end + 1;
  return safeCut(text.slice(0, from), from).length;
}

function sizeWords(text: string): string {
  return text.length < 10_000 ? `${formatCount(text.length)} characters` : `(${formatBytes(text.length)})`;
}
