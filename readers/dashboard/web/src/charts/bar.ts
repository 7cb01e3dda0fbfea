// The charts' bar: search, smoothing, x-axis, and the rarer choices behind one button.

import { h } from "../dom";
import { icon } from "../icons";
import { openPopover } from "../menu";
import { finder } from "./sections";
import type { ChartsView } from "./view";
import { X_WORDS } from "./xaxis";

const LEAST_MS = 120;
const MOST_OFFERED = 500;

export interface BarEvents {
  change: (changed: Partial<ChartsView>) => void;
  /** Names that can stand on the x-axis. */
  keys: () => readonly string[];
  grouped: () => boolean;
}

export class ChartsBar {
  readonly element: HTMLElement;
  readonly search = h("input", { class: "input charts-search", type: "search", placeholder: "Find metrics", "aria-label": "Find metrics: words, or /a regular expression/", title: "Words, or /a regular expression/", spellcheck: "false", data: { search: "" } });
  private readonly slider = h("input", { class: "charts-slider", type: "range", min: "0", max: "100", step: "1", "aria-label": "Smoothing" });
  private readonly amount = h("output", { class: "charts-amount" });
  private readonly xSelect = h("select", { class: "select charts-x", "aria-label": "x-axis", title: "x-axis" });
  private readonly more: HTMLButtonElement;
  private view: ChartsView;
  private timer = 0;

  constructor(
    view: ChartsView,
    private readonly events: BarEvents,
  ) {
    this.view = view;
    this.more = h("button", { class: "button charts-more", type: "button", "aria-haspopup": "dialog", "aria-label": "View options", title: "How charts are drawn", on: { click: () => this.openMore() } }, icon("sliders"), h("span", null, "View"));
    this.search.addEventListener("input", () => this.onSearch());
    this.search.addEventListener("keydown", (event) => event.key === "Escape" && this.search.value !== "" && this.clear(event));
    this.slider.addEventListener("input", () => this.events.change({ smooth: fromSlider(Number(this.slider.value)) }));
    this.slider.addEventListener("dblclick", () => this.events.change({ smooth: 0 }));
    this.xSelect.addEventListener("change", () => this.onX());
    this.element = h(
      "div",
      { class: "charts-bar" },
      this.search,
      h("label", { class: "charts-smooth", title: "Smoothing: a moving average by distance in x; the lines as logged stay behind, faint" }, h("span", { class: "charts-label" }, "Smooth"), this.slider, this.amount),
      this.xSelect,
      this.more,
    );
    this.show(view);
  }

  show(view: ChartsView): void {
    this.view = view;
    if (document.activeElement !== this.search) this.search.value = view.find;
    this.search.setAttribute("aria-invalid", String(finder(view.find) === null));
    this.slider.value = String(toSlider(view.smooth));
    this.amount.textContent = view.smooth === 0 ? "off" : view.smooth.toFixed(view.smooth > 0.985 ? 3 : 2);
    this.showX(view.x);
    const changed = [view.logX, view.logY, view.bulk, view.sync, view.band !== "ci"].filter(Boolean).length;
    this.more.dataset["changed"] = changed > 0 ? String(changed) : "";
  }

  private showX(x: string): void {
    const options = Object.entries(X_WORDS).map(([value, words]) => h("option", { value }, words));
    if (!(x in X_WORDS)) options.push(h("option", { value: x }, x));
    options.push(h("option", { value: "" }, "A metric…"));
    this.xSelect.replaceChildren(...options);
    this.xSelect.value = x;
  }

  private onX(): void {
    if (this.xSelect.value !== "") return this.events.change({ x: this.xSelect.value, zoom: null });
    this.xSelect.value = this.view.x;
    const list = h("datalist", { id: "charts-x-keys" }, this.events.keys().slice(0, MOST_OFFERED).map((key) => h("option", { value: key })));
    const field = h("input", { class: "input", list: "charts-x-keys", placeholder: "A metric's name", "aria-label": "Metric for the x-axis", autofocus: true, spellcheck: "false" });
    const form = h("form", { class: "charts-pick" }, h("p", { class: "menu-title" }, "Metric for the x-axis"), field, list, h("button", { class: "button button-primary", type: "submit" }, "Use it"));
    const popover = openPopover(this.xSelect, form, { label: "Metric for the x-axis" });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (field.value.trim() === "") return;
      popover?.close();
      this.events.change({ x: field.value.trim(), zoom: null });
    });
  }

  private openMore(): void {
    const check = (label: string, hint: string, on: boolean, set: (on: boolean) => Partial<ChartsView>): HTMLElement => {
      const box = h("input", { type: "checkbox", checked: on });
      box.addEventListener("change", () => this.events.change(set(box.checked)));
      return h("label", { class: "charts-option" }, box, h("span", null, label, h("span", { class: "charts-hint" }, hint)));
    };
    const { view } = this;
    const content = h(
      "div",
      { class: "charts-options" },
      h("p", { class: "menu-title" }, "All charts"),
      check("Logarithmic y", "each chart's menu can differ", view.logY, (logY) => ({ logY })),
      check("Logarithmic x", "what is 0 or below isn't shown", view.logX, (logX) => ({ logX })),
      check("Leave outliers out", "the y-range fits the bulk of the values", view.bulk, (bulk) => ({ bulk })),
      check("Zoom all charts together", "a range dragged in one holds for all", view.sync, (sync) => ({ sync, zoom: null })),
      this.events.grouped() && this.bandChoice(),
    );
    openPopover(this.more, content, { label: "How charts are drawn" });
  }

  private bandChoice(): HTMLElement {
    const words = { ci: "mean and 95 % interval", std: "mean and standard deviation", minmax: "mean, lowest and highest", runs: "every run, in its group's colour" };
    const select = h("select", { class: "select", "aria-label": "Groups are drawn as" }, Object.entries(words).map(([value, label]) => h("option", { value }, label)));
    select.value = this.view.band;
    select.addEventListener("change", () => this.events.change({ band: select.value as ChartsView["band"] }));
    return h("label", { class: "charts-option charts-band" }, h("span", null, "Groups"), select);
  }

  private onSearch(): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.events.change({ find: this.search.value }), LEAST_MS);
  }

  private clear(event: Event): void {
    event.stopPropagation();
    event.preventDefault();
    this.search.value = "";
    this.events.change({ find: "" });
  }
}

/** Finer towards 1: there a hundredth is a lot. */
const fromSlider = (at: number): number => Math.round((1 - (1 - at / 100) ** 2) * 0.999 * 1000) / 1000;
const toSlider = (smooth: number): number => Math.round((1 - Math.sqrt(Math.max(0, 1 - smooth / 0.999))) * 100);
