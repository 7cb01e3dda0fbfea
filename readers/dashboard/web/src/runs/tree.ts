// The experiments as a tree: a name's slashes are folders. Counts are of everything below.

import type { Experiment } from "../answers";
import { h } from "../dom";
import { formatCount, plural } from "../format";
import { compareTexts } from "./frame";

interface Node {
  path: string;
  label: string;
  runs: number;
  running: number;
  children: Node[];
}

/** More than this and only the first level is open at first. */
const OPEN_AT_FIRST = 40;

export class ExperimentTree {
  readonly element = h("div", { class: "experiments", role: "tree", "aria-label": "Experiments" });
  private roots: Node[] = [];
  private all: Node = { path: "", label: "All runs", runs: 0, running: 0, children: [] };
  private readonly folded = new Map<string, boolean>();
  private openAll = true;
  private selected = "";
  private focused = "";

  constructor(private readonly onSelect: (path: string) => void) {
    this.element.addEventListener("keydown", (event) => this.onKey(event));
    this.element.addEventListener("click", (event) => this.onClick(event));
  }

  show(experiments: readonly Experiment[], selected: string): void {
    this.roots = treeOf(experiments);
    this.openAll = experiments.length <= OPEN_AT_FIRST;
    this.all = {
      ...this.all,
      runs: experiments.reduce((sum, experiment) => sum + experiment.runs, 0),
      running: experiments.reduce((sum, experiment) => sum + experiment.running, 0),
    };
    this.select(selected);
  }

  select(path: string): void {
    this.selected = path;
    this.focused = path;
    // The way to the selected one is open.
    for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) this.folded.set(path.slice(0, at), false);
    this.draw();
  }

  private draw(): void {
    const hadFocus = this.element.contains(document.activeElement);
    this.element.replaceChildren(this.item(this.all, 1), ...this.roots.flatMap((node) => this.branch(node, 1)));
    const items = [...this.element.children] as HTMLElement[];
    const at = items.find((item) => item.dataset["path"] === this.focused) ?? items[0];
    if (!at) return;
    at.tabIndex = 0;
    if (hadFocus) at.focus();
  }

  private branch(node: Node, level: number): HTMLElement[] {
    const own = this.item(node, level);
    return this.isOpen(node, level) ? [own, ...node.children.flatMap((child) => this.branch(child, level + 1))] : [own];
  }

  private isOpen(node: Node, level: number): boolean {
    return node.children.length > 0 && !(this.folded.get(node.path) ?? !(this.openAll || level < 1));
  }

  private item(node: Node, level: number): HTMLElement {
    const folder = node.children.length > 0;
    const open = this.isOpen(node, level);
    return h(
      "div",
      {
        class: "experiment-item",
        role: "treeitem",
        tabindex: -1,
        "aria-level": level,
        "aria-selected": String(node.path === this.selected),
        "aria-expanded": folder ? String(open) : undefined,
        title: `${node.path || "All experiments"}: ${plural(node.runs, "run")}${node.running > 0 ? `, ${formatCount(node.running)} running` : ""}`,
        data: { path: node.path },
        style: { "--level": String(level - 1) },
      },
      h("span", { class: folder ? `fold${open ? " open" : ""}` : "fold-space", "aria-hidden": "true" }),
      h("span", { class: "cut experiment-label" }, node.label),
      node.running > 0 && h("span", { class: "dot dot-running" }),
      h("span", { class: "experiment-count" }, formatCount(node.runs)),
    );
  }

  private onClick(event: MouseEvent): void {
    const target = event.target as Element;
    const item = target.closest<HTMLElement>(".experiment-item");
    if (!item) return;
    const path = item.dataset["path"] ?? "";
    if (target.closest(".fold")) this.fold(path, item.getAttribute("aria-expanded") === "true");
    else this.onSelect(path === this.selected ? "" : path);
  }

  private fold(path: string, folded: boolean): void {
    this.folded.set(path, folded);
    this.focused = path;
    this.draw();
  }

  private onKey(event: KeyboardEvent): void {
    const items = [...this.element.children] as HTMLElement[];
    const at = items.findIndex((item) => item === document.activeElement);
    const item = items[at];
    if (!item || event.ctrlKey || event.metaKey || event.altKey) return;
    const path = item.dataset["path"] ?? "";
    const expanded = item.getAttribute("aria-expanded");
    if (event.key === "ArrowDown") this.focus(items[at + 1]);
    else if (event.key === "ArrowUp") this.focus(items[at - 1]);
    else if (event.key === "Home") this.focus(items[0]);
    else if (event.key === "End") this.focus(items.at(-1));
    else if (event.key === "Enter" || event.key === " ") this.onSelect(path);
    else if (event.key === "ArrowRight" && expanded === "false") this.fold(path, false);
    else if (event.key === "ArrowRight") this.focus(items[at + 1]);
    else if (event.key === "ArrowLeft" && expanded === "true") this.fold(path, true);
    else if (event.key === "ArrowLeft") this.focus(items.find((other) => other.dataset["path"] === path.slice(0, path.lastIndexOf("/"))));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private focus(item: HTMLElement | undefined): void {
    if (!item) return;
    this.focused = item.dataset["path"] ?? "";
    item.focus();
  }
}

/** Folders and experiments, in natural order. */
export function treeOf(experiments: readonly Experiment[]): Node[] {
  const roots: Node[] = [];
  const known = new Map<string, Node>();
  const nodeAt = (path: string): Node => {
    const old = known.get(path);
    if (old) return old;
    const slash = path.lastIndexOf("/");
    const node: Node = { path, label: path.slice(slash + 1) || path, runs: 0, running: 0, children: [] };
    known.set(path, node);
    if (slash > 0) nodeAt(path.slice(0, slash)).children.push(node);
    else roots.push(node);
    return node;
  };
  for (const { name, runs, running } of experiments) {
    nodeAt(name);
    for (let at = name.length; at > 0; at = name.lastIndexOf("/", at - 1)) {
      const node = nodeAt(name.slice(0, at));
      node.runs += runs;
      node.running += running;
      if (!name.slice(0, at).includes("/")) break;
    }
  }
  const sort = (nodes: Node[]): Node[] => {
    nodes.sort((a, b) => compareTexts(a.label, b.label));
    for (const node of nodes) sort(node.children);
    return nodes;
  };
  return sort(roots);
}
