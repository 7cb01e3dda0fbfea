// A diff to read: added and removed lines told apart by ground, sign and words for screen readers.

import { h } from "../dom";
import { plural } from "../format";
import { diffLines, diffSummary, type DiffLine } from "./difflines";

const STEP = 1000;

export function diffView(text: string): HTMLElement {
  const lines = diffLines(text);
  const { files, added, removed } = diffSummary(lines);
  const body = h("div", { class: "diff", tabindex: 0, role: "region", "aria-label": "Changes that were not committed" });
  const foot = h("div", { class: "list-foot" });
  let shown = 0;

  function more(): void {
    body.append(...lines.slice(shown, shown + STEP).map(lineView));
    shown = Math.min(lines.length, shown + STEP);
    const left = lines.length - shown;
    foot.replaceChildren();
    foot.hidden = left === 0;
    if (left > 0) foot.append(h("button", { class: "button button-quiet", type: "button", on: { click: more } }, `Show ${plural(Math.min(STEP, left), "more line", "more lines")}`));
  }

  more();
  const summary = h("p", { class: "diff-summary" }, plural(files, "file"), h("span", { class: "diff-added" }, `+${added}`), h("span", { class: "diff-removed" }, `−${removed}`));
  return h("div", null, summary, body, foot);
}

function lineView(line: DiffLine): HTMLElement {
  return h("div", { class: `diff-line diff-${line.kind}` }, line.text === "" ? " " : line.text.length > 5000 ? `${line.text.slice(0, 5000)}…` : line.text);
}
