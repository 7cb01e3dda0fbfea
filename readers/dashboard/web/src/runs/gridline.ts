// One line of the table: the elements that show a run or a group's heading, used again for another as the table scrolls.

import { fill, h } from "../dom";
import { formatCount, formatDuration, formatNumber, plural } from "../format";
import { countBadge, put, showCell, showName, showPick, type Part } from "./cells";
import { kindOf, labelOf, longLabelOf } from "./columns";
import type { Column, RunFrame } from "./frame";
import { commonOf, meanOf, type Group } from "./groups";

export interface LineHandlers {
  /** How the run takes part in the charts. */
  partOf: (id: string) => Part;
  /** The colour of its line there; a group's, for a group's heading. */
  colourOf: (id: string) => string;
  groupColour: (group: Group) => string | null;
}

export class GridLine {
  readonly element: HTMLElement;
  /** The line of the table shown here; -1: none. */
  at = -1;
  drawing = -1;
  private readonly pick = h("div", { class: "cell cell-pick", role: "gridcell" });
  private readonly name = h("div", { class: "cell cell-name", role: "rowheader" });
  private readonly others: HTMLElement[];

  /** Room for the columns; what stands in them is said each time, as another frame has others of the same names. */
  constructor(
    columns: readonly Column[],
    private readonly handlers: LineHandlers,
  ) {
    this.others = columns.map((column) => h("div", { class: `cell${column.numeric ? " num" : ""} kind-${column.kind}`, role: "gridcell" }));
    this.element = h("div", { class: "grid-row", role: "row" }, this.pick, this.name, this.others);
  }

  hide(): void {
    if (this.at >= 0) this.element.hidden = true;
    this.at = -1;
  }

  /** At a line of the table, `top` pixels down; what stands there is to be shown next. */
  place(at: number, top: number, active: boolean): void {
    const { element } = this;
    this.at = at;
    element.hidden = false;
    element.style.top = `${top}px`;
    element.setAttribute("aria-rowindex", String(at + 2));
    element.id = `line-${at}`;
    element.classList.toggle("active", active);
  }

  showRun(row: number, frame: RunFrame, columns: readonly Column[], now: number): void {
    const { element } = this;
    const id = frame.id(row);
    const part = this.handlers.partOf(id);
    element.className = element.className.replace(/ ?\bgroup\b/, "");
    element.dataset["run"] = id;
    element.removeAttribute("aria-expanded");
    element.setAttribute("aria-selected", String(part === "chosen"));
    showPick(this.pick, part === "none" ? "" : this.handlers.colourOf(id), frame.name(row), part);
    showName(this.name, frame, row);
    columns.forEach((column, k) => {
      const cell = this.others[k];
      if (cell) showCell(cell, column, frame, row, now);
    });
  }

  showGroup(group: Group, grouping: Column, frame: RunFrame, columns: readonly Column[]): void {
    const { element, name } = this;
    element.classList.add("group");
    delete element.dataset["run"];
    element.setAttribute("aria-expanded", String(!group.closed));
    element.removeAttribute("aria-selected");
    const label = group.value === "" ? "none" : group.value;
    const colour = this.handlers.groupColour(group);
    const ids = Array.from(group.rows, (row) => frame.id(row));
    const chosen = ids.filter((id) => this.handlers.partOf(id) === "chosen").length;
    showPick(this.pick, colour ?? "", `all of ${labelOf(grouping.name)} ${label}`, chosen === ids.length ? "chosen" : "none");
    const box = this.pick.firstElementChild as HTMLInputElement;
    box.indeterminate = chosen > 0 && chosen < ids.length;
    delete name.dataset["shown"];
    fill(
      name,
      h("span", { class: `fold${group.closed ? "" : " open"}`, "aria-hidden": "true" }),
      colour !== null && h("span", { class: "group-colour", style: { background: colour } }),
      h("span", { class: "faint group-by" }, labelOf(grouping.name)),
      h("span", { class: group.value === "" ? "cut faint" : "cut" }, label),
      countBadge(group.rows.length),
    );
    name.title = `${longLabelOf(grouping.name)}: ${label}, ${plural(group.rows.length, "run")}`;
    columns.forEach((column, k) => {
      const cell = this.others[k];
      if (cell) showCommon(cell, column, group);
    });
  }

  /** How wide what stands in a cell is: 0 is the box, 1 the name, then the columns. */
  contentWidth(at: number): number {
    const cell = at === 1 ? this.name : this.others[at - 2];
    if (!cell) return 0;
    const range = document.createRange();
    range.selectNodeContents(cell);
    return range.getBoundingClientRect().width;
  }
}

/** A group's cell: the mean of its runs, or what all of them have. */
function showCommon(cell: HTMLElement, column: Column, group: Group): void {
  cell.classList.remove("odd");
  if (kindOf(column.name) === "metrics" || column.kind === "duration") {
    const { mean, count } = meanOf(column, group.rows);
    const text = column.kind === "duration" ? formatDuration(mean) : formatNumber(mean, 4, true);
    return put(cell, count > 0 ? text : "", count > 0 ? `mean of ${formatCount(count)}: ${mean}` : "");
  }
  const same = commonOf(column, group.rows);
  if (same === null || column.kind === "time" || column.kind === "status") return put(cell, "");
  put(cell, column.kind === "number" ? formatNumber(column.number(same)) : column.text(same), "the same in all of these runs");
}
