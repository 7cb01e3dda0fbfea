// What a cell shows. One function a kind; the grid calls them again and again on the same few elements.

import { h } from "../dom";
import { exactNumber, formatAgo, formatCount, formatDuration, formatNumber, formatTime } from "../format";
import { runPath } from "../router";
import { kindOf } from "./columns";
import type { Column, RunFrame } from "./frame";

/** How a run takes part in the charts: chosen by hand, drawn because nothing is chosen, or not at all. */
export type Part = "chosen" | "drawn" | "none";

export function showPick(cell: HTMLElement, colour: string, name: string, part: Part): void {
  const box = (cell.firstElementChild as HTMLInputElement | null) ?? cell.appendChild(h("input", { type: "checkbox", class: "pick", tabindex: -1 }));
  box.checked = part === "chosen";
  box.indeterminate = false;
  box.dataset["part"] = part;
  box.setAttribute("aria-label", `Choose ${name}`);
  box.title = part === "drawn" ? "Drawn because nothing is chosen; click to choose" : "";
  if (part === "none") box.style.removeProperty("--swatch");
  else box.style.setProperty("--swatch", colour);
}

export function showName(cell: HTMLElement, frame: RunFrame, row: number): void {
  const id = frame.id(row);
  const name = frame.name(row);
  const running = frame.column("status")?.at(row) === "RUNNING";
  const shown = `${id} ${running ? "running" : ""} ${name}`;
  if (cell.dataset["shown"] === shown) return; // a link that is hovered or being clicked stays the same element
  cell.dataset["shown"] = shown;
  const link = h("a", { class: "cut run-link", href: runPath(id), tabindex: -1, title: `${name}\n${id}` }, name);
  cell.removeAttribute("title");
  cell.replaceChildren(...(running ? [link, h("span", { class: "dot dot-running", title: "running" })] : [link]));
}

export function showCell(cell: HTMLElement, column: Column, frame: RunFrame, row: number, now: number): void {
  if (column.kind === "status") return showStatus(cell, column.text(row));
  const { text, title } = textOf(column, frame, row, now);
  put(cell, text, title);
  cell.classList.toggle("odd", column.kind === "number" && column.at(row) !== null && !Number.isFinite(column.number(row)));
}

function textOf(column: Column, frame: RunFrame, row: number, now: number): { text: string; title: string } {
  const value = column.at(row);
  if (column.kind === "duration") {
    const seconds = durationOf(column, frame, row, now);
    return { text: Number.isNaN(seconds) ? "" : formatDuration(seconds), title: Number.isNaN(seconds) ? "" : `${formatNumber(seconds, 6)} s` };
  }
  if (value === null || value === "") return { text: "", title: "" };
  if (column.kind === "time") return { text: formatAgo(column.number(row), now), title: formatTime(column.number(row)) };
  if (column.kind === "number") return { text: formatNumber(column.number(row), 4, kindOf(column.name) === "metrics"), title: exactNumber(column.number(row)) };
  const text = String(value);
  return { text, title: text };
}

/** A running run's clock runs; an ended one's stands. */
function durationOf(column: Column, frame: RunFrame, row: number, now: number): number {
  if (column.name !== "duration_s" || frame.column("status")?.at(row) !== "RUNNING") return column.number(row);
  const start = frame.column("start_time")?.number(row) ?? NaN;
  return Number.isNaN(start) ? column.number(row) : Math.max(0, (now - start) / 1000);
}

const STATUS_WORDS: Record<string, string> = { RUNNING: "Running", FINISHED: "Finished", FAILED: "Failed", KILLED: "Killed", INTERRUPTED: "Interrupted" };

export function statusWord(status: string): string {
  return STATUS_WORDS[status] ?? status;
}

function showStatus(cell: HTMLElement, status: string): void {
  const shown = (cell.firstElementChild as HTMLElement | null) ?? cell.appendChild(h("span", { class: "status" }));
  if (shown.dataset["status"] === status) return;
  shown.dataset["status"] = status;
  shown.textContent = statusWord(status);
}

export function put(cell: HTMLElement, text: string, title = ""): void {
  if (cell.childElementCount > 0 || cell.textContent !== text) cell.textContent = text;
  if (cell.title !== title) cell.title = title;
}

export const countBadge = (count: number): HTMLElement => h("span", { class: "badge" }, formatCount(count));
