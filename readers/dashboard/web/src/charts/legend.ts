// Who is who in the charts: a name a run, or a group with how many runs it has. Pointing at one makes the others step
// back in all charts; a click keeps it so.

import { fill, h } from "../dom";
import { formatCount, plural } from "../format";

export interface Named {
  id: string;
  name: string;
  colour: string;
  /** "n = 5", for a group. */
  count?: number;
}

const FEW = 12;

export class Legend {
  readonly element = h("div", { class: "legend", role: "group", "aria-label": "Runs drawn" });
  private kept: string | null = null;
  private open = false;
  private shown: readonly Named[] = [];

  constructor(private readonly onFocus: (id: string | null) => void) {}

  show(entries: readonly Named[]): void {
    this.shown = entries;
    if (this.kept !== null && !entries.some((entry) => entry.id === this.kept)) this.keep(null);
    this.element.hidden = entries.length < 2;
    const few = this.open ? entries : entries.slice(0, FEW);
    const more = entries.length - few.length;
    fill(
      this.element,
      few.map((entry) => this.entry(entry)),
      (more > 0 || (this.open && entries.length > FEW)) &&
        h("button", { class: "legend-more", type: "button", on: { click: () => this.turn() } }, more > 0 ? `and ${plural(more, "more", "more")}` : "fewer"),
    );
  }

  private entry({ id, name, colour, count }: Named): HTMLElement {
    return h(
      "button",
      {
        class: "legend-entry",
        type: "button",
        title: count === undefined ? name : `${name}: ${plural(count, "run")}`,
        "aria-pressed": String(this.kept === id),
        on: {
          pointerenter: () => this.onFocus(id),
          pointerleave: () => this.onFocus(this.kept),
          focus: () => this.onFocus(id),
          blur: () => this.onFocus(this.kept),
          click: () => this.keep(this.kept === id ? null : id),
        },
      },
      h("span", { class: "swatch", style: { background: colour } }),
      h("span", { class: "cut" }, name),
      count !== undefined && h("span", { class: "faint" }, `n = ${formatCount(count)}`),
    );
  }

  private keep(id: string | null): void {
    this.kept = id;
    this.onFocus(id);
    this.element.querySelectorAll(".legend-entry").forEach((button, k) => button.setAttribute("aria-pressed", String(this.shown[k]?.id === id)));
  }

  private turn(): void {
    this.open = !this.open;
    this.show(this.shown);
  }
}
