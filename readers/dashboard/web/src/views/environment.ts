// What a run ran on and which code it ran: machine, packages, commit, and the changes that no commit has.

import type { NamedValue, RunAnswer } from "../answers";
import { artifactAddress, getPreview } from "../api";
import { fill, h } from "../dom";
import { formatBytes } from "../format";
import { errorState, loadingState } from "../states";
import { copyButton } from "./copybutton";
import { diffView } from "./diffview";
import { listing } from "./listing";
import { longText } from "./longtext";
import { part } from "./overview";
import { whenChanged, type Section, type SectionContext } from "./section";
import { valueText } from "./valuetext";

export function environmentSection(context: SectionContext): Section {
  const git = h("div", { class: "git" });
  const machine = listing<NamedValue>({
    noun: ["entry", "entries"],
    texts: (entry) => [entry.name, entry.value],
    empty: h("p", { class: "soft" }, "Nothing was recorded of the machine: the run was started with ", h("code", null, "auto_log=False"), "."),
    searchFrom: 20,
    columns: [
      { head: "Name", class: "name", cell: (entry) => longText(entry.name, 120), order: (entry) => entry.name },
      { head: "Value", class: "value", cell: (entry) => machineView(context.runId, entry) },
    ],
  });
  const packages = listing<NamedValue>({
    noun: ["package", "packages"],
    texts: (entry) => [entry.name, entry.value],
    empty: h("p", { class: "soft" }, "No packages were recorded."),
    searchFrom: 0,
    search: context.param("packages") ?? "",
    onSearch: (text) => context.setParam("packages", text || null),
    columns: [
      { head: "Package", class: "name", cell: (entry) => longText(entry.name, 120), order: (entry) => entry.name },
      { head: "Version", class: "value", cell: (entry) => longText(entry.value) },
    ],
  });
  const element = h("div", { class: "environment" }, part("Code", git), part("Machine", machine.element), part("Packages", packages.element));
  const closed = new AbortController();
  const draw = whenChanged(([entries, found, state]: [NamedValue[], { name: string; version: string }[], RunAnswer["git"]]) => {
    fill(git, gitView(context.runId, state, closed.signal));
    machine.update(entries);
    packages.update(found.map(({ name, version }) => ({ name, value: version })));
  });
  return { element, update: (answer) => draw([answer.environment, answer.packages ?? [], answer.git]), dispose: () => closed.abort() };
}

function gitView(runId: string, git: RunAnswer["git"], signal: AbortSignal): HTMLElement {
  if (git === null || (git.commit === null && git.branch === null)) return h("p", { class: "soft" }, "No git commit was recorded: the run didn't start in a repository, or with ", h("code", null, "auto_log=False"), ".");
  return h(
    "div",
    null,
    h(
      "dl",
      { class: "facts" },
      h("div", { class: "fact" }, h("dt", null, "Commit"), h("dd", null, h("code", { title: git.commit ?? "" }, (git.commit ?? "none yet").slice(0, 12)), git.commit !== null && copyButton(git.commit, "the commit"))),
      h("div", { class: "fact" }, h("dt", null, "Branch"), h("dd", null, longText(git.branch ?? "detached", 120))),
      h("div", { class: "fact" }, h("dt", null, "Uncommitted changes"), h("dd", null, git.dirty === null ? "unknown" : git.dirty ? (typeof git.diff_artifact === "number" ? "yes, as below" : "yes, not recorded") : "none")),
      typeof git.remote === "string" && h("div", { class: "fact" }, h("dt", null, "Remote"), h("dd", null, longText(git.remote, 120))),
    ),
    typeof git.diff_artifact === "number" && recordedDiff(runId, git.diff_artifact, signal),
  );
}

/** The changes lie in a file of the run. */
function recordedDiff(runId: string, index: number, signal: AbortSignal): HTMLElement {
  const element = h("div");
  const ask = async (): Promise<void> => {
    fill(element, loadingState("Loading the changes"));
    try {
      const preview = await getPreview(runId, index, signal);
      if (signal.aborted) return;
      const text = preview.kind === "text" ? preview.text : "";
      const rest = h("p", { class: "faint" }, preview.kind === "text" ? "Only the beginning is shown. " : "They can't be shown here. ", h("a", { href: artifactAddress(runId, index, true), download: "git.diff" }, "Download all of it"));
      fill(element, text !== "" && diffView(text), (text === "" || preview["truncated"] === true) && rest);
    } catch (error) {
      if (!signal.aborted) fill(element, errorState(error, () => void ask()));
    }
  };
  void ask();
  return element;
}

function machineView(runId: string, entry: NamedValue): HTMLElement {
  const bytes = Number(entry.value);
  const inBytes = entry.name.endsWith("_bytes") && Number.isFinite(bytes) && entry.value !== "";
  return inBytes ? longText(formatBytes(bytes)) : valueText(runId, "env", entry);
}
