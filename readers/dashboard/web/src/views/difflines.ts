// Lines of a git diff, and what each is: added, removed, a place, a file's heading, or unchanged.

export type DiffKind = "add" | "remove" | "place" | "head" | "same";

export interface DiffLine {
  readonly kind: DiffKind;
  readonly text: string;
}

export interface DiffSummary {
  readonly files: number;
  readonly added: number;
  readonly removed: number;
}

const HEADS = ["diff ", "index ", "new file", "deleted file", "similarity ", "rename ", "old mode", "new mode", "Binary "];

/** A unified diff line by line. Inside a hunk "--- x" is a removed line "-- x", so hunks are counted out. */
export function diffLines(text: string): DiffLine[] {
  let [before, after] = [0, 0];
  return text.replace(/\n$/, "").split("\n").map((line) => {
    if (before > 0 || after > 0) {
      const kind = hunkKind(line);
      if (kind !== "add" && kind !== "head") before -= 1;
      if (kind !== "remove" && kind !== "head") after -= 1;
      return { kind, text: line };
    }
    const hunk = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/.exec(line);
    if (hunk !== null) [before, after] = [Number(hunk[1] ?? 1), Number(hunk[2] ?? 1)];
    return { kind: hunk === null ? outside(line) : "place", text: line };
  });
}

export function diffSummary(lines: readonly DiffLine[]): DiffSummary {
  const count = (kind: DiffKind): number => lines.filter((line) => line.kind === kind).length;
  return { files: lines.filter((line) => line.text.startsWith("diff ") && line.kind === "head").length, added: count("add"), removed: count("remove") };
}

function hunkKind(line: string): DiffKind {
  if (line.startsWith("+")) return "add";
  if (line.startsWith("-")) return "remove";
  return line.startsWith("\\") ? "head" : "same";
}

function outside(line: string): DiffKind {
  return HEADS.some((head) => line.startsWith(head)) || line.startsWith("--- ") || line.startsWith("+++ ") ? "head" : "same";
}
