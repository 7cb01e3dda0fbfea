// The box beside the crosshair: x, and a row a run. One for the whole page.

import { fill, h } from "../dom";
import { formatNumber } from "../format";
import { rowsAround, type Reading } from "./readout";

const MOST_ROWS = 12;
const AWAY = 14;

export interface TooltipContent {
  /** "step 1 200". */
  title: string;
  /** The x-axis' words for a reading that stands elsewhere. */
  xWords: (x: number) => string;
  x: number;
  readings: readonly Reading[];
  nearest: string | null;
  name: (id: string) => string;
  colour: (id: string) => string;
  /** When a run's value was logged, in words; "" where it isn't known. */
  time: (reading: Reading) => string;
}

class Tooltip {
  private readonly element = h("div", { class: "chart-tip", role: "presentation", hidden: true });
  private owner: unknown = null;

  show(owner: unknown, content: TooltipContent, clientX: number, clientY: number): void {
    this.owner = owner;
    const { rows, above, below } = rowsAround(content.readings, content.nearest, MOST_ROWS);
    fill(
      this.element,
      h("div", { class: "chart-tip-title" }, content.title),
      above > 0 && h("div", { class: "chart-tip-more" }, `${above} above`),
      h("div", { class: "chart-tip-rows" }, rows.map((reading) => tipRow(reading, content))),
      below > 0 && h("div", { class: "chart-tip-more" }, `${below} below`),
    );
    if (!this.element.isConnected) document.body.append(this.element);
    // In a dialog the page's own layer lies beneath: the box goes where its chart is.
    const layer = document.querySelector("dialog[open]") ?? document.body;
    if (this.element.parentElement !== layer) layer.append(this.element);
    this.element.hidden = false;
    this.place(clientX, clientY);
  }

  hide(owner: unknown): void {
    if (this.owner !== owner) return;
    this.element.hidden = true;
    this.owner = null;
  }

  private place(clientX: number, clientY: number): void {
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const right = clientX + AWAY + width <= window.innerWidth - 4;
    const left = right ? clientX + AWAY : Math.max(4, clientX - AWAY - width);
    const top = Math.max(4, Math.min(clientY + AWAY, window.innerHeight - height - 4));
    this.element.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  }
}

function tipRow(reading: Reading, content: TooltipContent): HTMLElement {
  const { low, high, raw } = reading;
  const range = low !== null && high !== null ? `${formatNumber(low)} … ${formatNumber(high)}` : "";
  const notes = [
    reading.group && `n = ${reading.n}`,
    raw !== null && raw !== reading.value && `logged ${formatNumber(raw)}`,
    range,
    reading.x !== content.x && content.xWords(reading.x),
    content.time(reading),
  ].filter((note): note is string => typeof note === "string" && note !== "");
  return h(
    "div",
    { class: "chart-tip-row", data: { nearest: reading.id === content.nearest ? "true" : undefined } },
    h("span", { class: "swatch", style: { background: content.colour(reading.id) } }),
    h("span", { class: "chart-tip-name cut" }, content.name(reading.id)),
    h("span", { class: "chart-tip-value" }, formatNumber(reading.value, 5)),
    h("span", { class: "chart-tip-note" }, notes.join(", ")),
  );
}

export const tooltip = new Tooltip();
