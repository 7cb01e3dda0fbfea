// The files a run logged: a tree by path beside what the chosen one holds. The choice stands in the address.

import type { Artifact } from "../answers";
import { fill, h } from "../dom";
import { formatBytes, formatCount, plural } from "../format";
import { pathTree, type PathNode } from "./pathtree";
import { previewPane } from "./preview";
import { matcher } from "./search";
import { safeCut } from "./longtext";
import { whenChanged, type Section, type SectionContext } from "./section";

/** Rows of one folder laid out at once. */
const STEP = 200;
/** In a small tree all folders are open. */
const OPEN_BELOW = 60;

export function artifactsSection(context: SectionContext): Section {
  let artifacts: readonly Artifact[] = [];
  let search = "";
  const closed = new Map<string, boolean>();
  const field = h("input", { class: "input list-search", type: "search", placeholder: "Search files", "aria-label": "Search files", data: { search: "" }, on: { input: () => { search = field.value; drawTree(); } } });
  const count = h("p", { class: "list-count faint", role: "status" });
  const tree = h("div", { class: "tree" });
  const pane = previewPane(context.runId);
  const side = h("div", { class: "files-side" }, h("div", { class: "list-bar" }, field, count), tree);
  const element = h("div", { class: "files" }, side, pane.element);
  const nothing = h("p", { class: "soft" }, "No files were logged. ", h("code", null, 'tracker.log_artifact("plot.png")'), ", log_text, log_plot and the like put them here.");

  const draw = whenChanged((next: readonly Artifact[]) => {
    artifacts = next;
    fill(element, artifacts.length === 0 ? nothing : [side, pane.element]);
    if (artifacts.length === 0) return;
    const wanted = context.param("file");
    drawTree();
    open(artifacts.find((artifact) => artifact.path === wanted) ?? (wanted === null ? firstToSee(artifacts) : undefined), wanted);
  });

  function open(artifact: Artifact | undefined, wanted: string | null): void {
    if (artifact) pane.show(artifact);
    else pane.missing(wanted ?? "");
    mark(artifact?.index);
  }

  function mark(index: number | undefined): void {
    for (const row of tree.querySelectorAll<HTMLElement>(".tree-file")) {
      if (row.dataset["index"] === String(index)) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    }
  }

  function drawTree(): void {
    const matches = matcher(search);
    const found = search === "" ? artifacts : artifacts.filter((artifact) => matches(artifact.path));
    const total = found.reduce((sum, artifact) => sum + artifact.size, 0);
    count.textContent = search === "" ? `${plural(found.length, "file")}, ${formatBytes(total)}` : `${formatCount(found.length)} of ${plural(artifacts.length, "file")}`;
    fill(tree, found.length === 0 ? h("p", { class: "soft tree-none" }, `No file matches “${search}”.`) : folderRows(pathTree(found, (artifact) => artifact.path), search !== "" || found.length <= OPEN_BELOW));
    mark(pane.shown()?.index);
  }

  function folderRows(node: PathNode<Artifact>, opened: boolean): HTMLElement {
    const list = h("ul", { class: "tree-list" }, node.folders.slice(0, STEP).map((folder) => folderRow(folder, opened)));
    let shown = 0;
    const more = (): void => {
      list.querySelector(":scope > .tree-more")?.remove();
      list.append(...node.items.slice(shown, shown + STEP).map(({ name, item }) => fileRow(name, item)));
      shown += STEP;
      const left = node.items.length - shown;
      if (left > 0) list.append(h("li", { class: "tree-more" }, h("button", { class: "more", type: "button", on: { click: () => { more(); mark(pane.shown()?.index); } } }, `show more (${formatCount(left)} left)`)));
    };
    more();
    const hidden = node.folders.length - STEP;
    if (hidden > 0) list.append(h("li", { class: "tree-more faint" }, `${plural(hidden, "more folder")}: search to see them`));
    return list;
  }

  function folderRow(folder: PathNode<Artifact>, opened: boolean): HTMLElement {
    const isOpen = closed.get(folder.path) ?? opened;
    const details = h("details", { open: isOpen }, h("summary", { title: folder.path }, h("span", { class: "cut" }, safeCut(folder.name, 200)), h("span", { class: "faint tree-size" }, formatCount(folder.count))));
    const fillIn = (): void => void (details.childElementCount === 1 && details.append(folderRows(folder, opened)));
    if (isOpen) fillIn();
    details.addEventListener("toggle", () => {
      if (search === "") closed.set(folder.path, details.open);
      if (details.open) fillIn();
    });
    return h("li", null, details);
  }

  function fileRow(name: string, artifact: Artifact): HTMLElement {
    const choose = (): void => {
      context.setParam("file", artifact.path);
      open(artifact, null);
      pane.reveal();
    };
    return h("li", null, h("button", { class: "tree-file", type: "button", title: safeCut(artifact.path, 1000), data: { index: artifact.index }, on: { click: choose } }, h("span", { class: "cut" }, safeCut(name, 300)), h("span", { class: "faint tree-size" }, formatBytes(artifact.size))));
  }

  return { element, update: (answer) => draw(answer.artifacts), dispose: pane.dispose };
}

/** A picture if there is one, else the first file that can be looked at. */
function firstToSee(artifacts: readonly Artifact[]): Artifact | undefined {
  const able = artifacts.filter((artifact) => artifact.previewable);
  return able.find((artifact) => artifact.media_type.startsWith("image/")) ?? able[0] ?? artifacts[0];
}
