// The line above the table: search, filter, group, columns, where the charts stand.

import { h } from "../dom";
import { icon, type IconName } from "../icons";
import { openPopover } from "../menu";
import { groupable, labelOf, longLabelOf } from "./columns";
import { FilterField } from "./filterfield";
import type { RunFrame } from "./frame";
import type { Arrangement } from "./split";

export interface ToolbarHandlers {
  onSearch: (search: string) => void;
  onFilter: (filter: string) => void;
  onGroup: (group: string) => void;
  onColumns: (anchor: HTMLElement) => void;
  onArrange: (arrangement: Arrangement) => void;
  onTree: () => void;
}

const ARRANGEMENTS: readonly (readonly [Arrangement, IconName, string])[] = [
  ["beside", "beside", "Charts beside the table"],
  ["below", "below", "Charts below the table"],
  ["table", "table", "Table only"],
];

export class Toolbar {
  readonly element: HTMLElement;
  readonly search: HTMLInputElement;
  readonly filter: FilterField;
  private readonly treeButton: HTMLButtonElement;
  private readonly groupLabel = h("span", { class: "cut" }, "Group");
  private readonly groupButton: HTMLButtonElement;
  private readonly arrangementButtons: HTMLButtonElement[];
  private frame: RunFrame | null = null;
  private group = "";

  constructor(private readonly handlers: ToolbarHandlers) {
    this.search = h("input", {
      class: "input",
      type: "search",
      placeholder: "Search runs",
      "aria-label": "Search runs by name, id, experiment or tag",
      title: "Name, id, experiment or tag; several words must all be there   ( / )",
      autocomplete: "off",
      spellcheck: "false",
      maxlength: 500,
      on: { input: () => handlers.onSearch(this.search.value) },
    });
    this.filter = new FilterField(handlers.onFilter);
    this.treeButton = h("button", { class: "button button-quiet tool-icon", type: "button", title: "Experiments (e)", "aria-label": "Experiments", on: { click: () => handlers.onTree() } }, icon("tree"));
    this.groupButton = h("button", { class: "button", type: "button", "aria-haspopup": "dialog", on: { click: () => this.openGroups() } }, icon("group"), this.groupLabel);
    const columns = h("button", { class: "button", type: "button", title: "Choose and order columns", "aria-haspopup": "dialog", on: { click: () => handlers.onColumns(columns) } }, icon("columns"), h("span", null, "Columns"));
    this.arrangementButtons = ARRANGEMENTS.map(([arrangement, name, words]) =>
      h("button", { class: "segment", type: "button", title: words, "aria-label": words, data: { arrangement }, on: { click: () => handlers.onArrange(arrangement) } }, icon(name)),
    );
    this.element = h(
      "div",
      { class: "toolbar", role: "toolbar", "aria-label": "Table" },
      this.treeButton,
      h("div", { class: "field field-search" }, this.search),
      this.filter.element,
      h("div", { class: "tool-buttons" }, this.groupButton, columns, h("div", { class: "segments", role: "group", "aria-label": "Where the charts stand" }, this.arrangementButtons)),
    );
  }

  show(search: string, group: string, frame: RunFrame | null): void {
    if (document.activeElement !== this.search) this.search.value = search;
    this.frame = frame;
    this.group = group;
    this.groupLabel.textContent = group ? labelOf(group) : "Group";
    this.groupButton.setAttribute("aria-pressed", String(group !== ""));
    this.groupButton.title = group ? `Grouped by ${longLabelOf(group)}` : "Group runs by a param, a tag or the experiment";
    if (frame) this.filter.know(frame.columns.map((column) => column.name));
  }

  showArrangement(arrangement: Arrangement): void {
    for (const button of this.arrangementButtons) button.setAttribute("aria-pressed", String(button.dataset["arrangement"] === arrangement));
  }

  showTree(open: boolean): void {
    this.treeButton.setAttribute("aria-pressed", String(open));
  }

  private openGroups(): void {
    const names = this.frame ? groupable(this.frame).map((column) => column.name) : [];
    const list = h("div", { class: "group-list", role: "radiogroup", "aria-label": "Group by" });
    const popover: { close?: () => void } = {};
    const item = (name: string, words: string): HTMLElement =>
      h(
        "button",
        {
          type: "button",
          class: "menu-item",
          role: "radio",
          "aria-checked": String(name === this.group),
          on: {
            click: () => {
              popover.close?.();
              this.handlers.onGroup(name);
            },
          },
        },
        h("span", { class: "cut" }, words),
        name !== "" && h("span", { class: "menu-keys" }, name.includes(".") ? name.slice(0, name.indexOf(".") - 1) : ""),
      );
    const draw = (wanted: string): void => {
      const found = names.filter((name) => name.toLowerCase().includes(wanted.toLowerCase())).slice(0, 200);
      list.replaceChildren(...(wanted === "" ? [item("", "Not grouped")] : []), ...found.map((name) => item(name, labelOf(name))));
      if (names.length === 0) list.append(h("p", { class: "faint picker-none" }, "There is nothing to group by: no param or tag differs between a few values."));
      else if (found.length === 0) list.append(h("p", { class: "faint picker-none" }, "No param or tag has this in its name."));
    };
    draw("");
    const search = h("input", { class: "input", type: "search", placeholder: "Group by", "aria-label": "Find a param or tag", on: { input: () => draw(search.value) } });
    const opened = openPopover(this.groupButton, h("div", { class: "picker" }, names.length > 8 && h("div", { class: "picker-head" }, search), list), { label: "Group by" });
    if (opened) popover.close = opened.close;
  }
}
