// What a run ran on and which code it ran: machine, packages, commit, and the changes that no commit has.

import type { NamedValue, RunAnswer } from "../api";
import { fill, h } from "../dom";
import { formatBytes, plural } from "../format";
import { copyButton } from "./copybutton";
import { diffView } from "./diffview";
import { listing } from "./listing";
import { longText } from "./longtext";
import { part } from "./overview";
import { whenChanged, type Section, type SectionContext } from "./section";

export function environmentSection(context: SectionContext): Section {
  const git = h("div", { class: "git" });
  const machine = listing<NamedValue>({
    noun: ["entry", "entries"],
    texts: (entry) => [entry.name, entry.value],
    empty: h("p", { class: "soft" }, "Nothing was recorded of the machine: the run was started with ", h("code", null, "auto_log=False"), "."),
    searchFrom: 20,
    columns: [
      { head: "Name", class: "name", cell: (entry) => longText(entry.name, 120), order: (entry) => entry.name },
      { head: "Value", class: "value", cell: (entry) => longText(machineWords(entry)) },
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
  const draw = whenChanged(([entries, state]: [NamedValue[], RunAnswer["git"]]) => {
    fill(git, gitView(state));
    machine.update(entries.filter((entry) => !/^(git|packages)(\.|$)/.test(entry.name)));
    packages.update(packagesOf(entries));
  });
  return { element, update: (answer) => draw([answer.environment, answer.git]) };
}

/** Each package a row, whether the answer gives one mapping or a name for each. */
export function packagesOf(entries: readonly NamedValue[]): NamedValue[] {
  const whole = entries.find((entry) => entry.name === "packages");
  const found = entries.filter((entry) => entry.name.startsWith("packages.")).map((entry) => ({ ...entry, name: entry.name.slice("packages.".length) }));
  if (whole === undefined) return found;
  try {
    const versions: unknown = JSON.parse(whole.value);
    if (typeof versions !== "object" || versions === null) return found;
    return [...found, ...Object.entries(versions).map(([name, value]) => ({ name, value: String(value) }))];
  } catch {
    return [...found, whole]; // no mapping: shown as it is
  }
}

function gitView(git: RunAnswer["git"]): HTMLElement {
  if (git === null || (git.commit === null && git.branch === null)) return h("p", { class: "soft" }, "No git commit was recorded: the run didn't start in a repository, or with ", h("code", null, "auto_log=False"), ".");
  const diff = git.diff ?? "";
  return h(
    "div",
    null,
    h(
      "dl",
      { class: "facts" },
      h("div", { class: "fact" }, h("dt", null, "Commit"), h("dd", null, h("code", { title: git.commit ?? "" }, (git.commit ?? "none yet").slice(0, 12)), git.commit !== null && copyButton(git.commit, "the commit"))),
      h("div", { class: "fact" }, h("dt", null, "Branch"), h("dd", null, longText(git.branch ?? "detached", 120))),
      h("div", { class: "fact" }, h("dt", null, "Uncommitted changes"), h("dd", null, git.dirty === null ? "unknown" : git.dirty ? (diff === "" ? "yes, not recorded" : `yes, ${plural(diff.split("\n").length, "line")} of diff`) : "none")),
    ),
    diff !== "" && diffView(diff),
  );
}

function machineWords(entry: NamedValue): string {
  const bytes = Number(entry.value);
  return entry.name.endsWith("_bytes") && Number.isFinite(bytes) && entry.value !== "" ? formatBytes(bytes) : entry.value;
}
