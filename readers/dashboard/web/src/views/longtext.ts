// Texts of any length: cut where they are long, with a way to see all of them that 10 MB can't choke.

import { h } from "../dom";
import { formatBytes, formatCount } from "../format";
import { told } from "../states";

const SHOWN = 240;
/** What one step of an opened text adds; a browser lays out this much at once without a pause. */
const STEP = 50_000;

/** What the server keeps back of a long text until it is asked for. */
export interface Rest {
  /** Characters in all; 0 where that isn't known. */
  readonly length: number;
  load: () => Promise<string>;
}

/** The text, or its beginning and a button for the rest. */
export function longText(text: string, shown = SHOWN, rest?: Rest): HTMLElement {
  if (text.length <= shown && rest === undefined) return h("span", { class: "long" }, text);
  const whole = h("span", { class: "long" });
  const cut = (): void => {
    const more = h("button", { class: "more", type: "button", "aria-expanded": "false", on: { click: () => void open() } }, `show all ${sizeWords(rest?.length ?? text.length)}`);
    whole.replaceChildren(safeCut(text, Math.min(shown, text.length)), "… ", more);
  };
  const open = async (): Promise<void> => {
    const less = h("button", { class: "more", type: "button", "aria-expanded": "true", on: { click: cut } }, "show less");
    try {
      whole.replaceChildren(scrolledText(rest === undefined ? text : await rest.load()), less);
      less.focus();
    } catch (error) {
      whole.replaceChildren(safeCut(text, Math.min(shown, text.length)), "… ", h("span", { class: "field-error" }, told(error).title), less);
    }
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

function sizeWords(length: number): string {
  if (length === 0) return "of it";
  return length < 10_000 ? `${formatCount(length)} characters` : `(${formatBytes(length)})`;
}
