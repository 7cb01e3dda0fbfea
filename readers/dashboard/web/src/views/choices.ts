// The choices of the compare page, as its address holds them: who gets the link sees the same.

import { brushesOf, brushesText, type Brushes } from "./brushes";

export const PARTS = ["differences", "curves", "parallel", "importance", "verdicts", "scatter"] as const;
export type Part = (typeof PARTS)[number];

export interface Choices {
  readonly part: Part;
  /** Also what is the same in all runs. */
  readonly all: boolean;
  /** "" for the comparison's own. */
  readonly metric: string;
  /** Names of columns in the order of the axes; none: the telling ones. */
  readonly axes: readonly string[];
  readonly brushes: Brushes;
  readonly method: string;
  /** What groups are told apart by; "" for the first that can. */
  readonly by: string;
  readonly pairOn: string;
  /** What curves are grouped by; "" for none. */
  readonly curvesBy: string;
  /** The scatter's columns; "" for the page's own choice. */
  readonly x: string;
  readonly y: string;
  readonly colour: string;
}

const NAMES = { part: "tab", all: "all", metric: "metric", axes: "axes", brushes: "brush", method: "method", by: "by", pairOn: "pair", curvesBy: "curves_by", x: "across", y: "up", colour: "hue" } as const;

export function choicesOf(params: URLSearchParams): Choices {
  const text = (name: keyof Choices): string => params.get(NAMES[name]) ?? "";
  return {
    part: PARTS.find((part) => part === text("part")) ?? "differences",
    all: text("all") === "1",
    metric: text("metric"),
    axes: listOf(text("axes")),
    brushes: brushesOf(text("brushes")),
    method: text("method") || "permutation",
    by: text("by"),
    pairOn: text("pairOn"),
    curvesBy: text("curvesBy"),
    x: text("x"),
    y: text("y"),
    colour: text("colour"),
  };
}

/** The same query with some choices changed; what is the page's own choice isn't written. */
export function withChoices(params: URLSearchParams, change: Partial<Choices>): URLSearchParams {
  const next = new URLSearchParams(params);
  for (const [name, value] of Object.entries(change) as [keyof Choices, Choices[keyof Choices]][]) {
    const text = choiceText(name, value);
    if (text === "") next.delete(NAMES[name]);
    else next.set(NAMES[name], text);
  }
  return next;
}

function choiceText(name: keyof Choices, value: Choices[keyof Choices]): string {
  if (name === "part") return value === "differences" ? "" : String(value);
  if (name === "all") return value === true ? "1" : "";
  if (name === "axes") return (value as readonly string[]).map(encodeURIComponent).join(",");
  if (name === "brushes") return brushesText(value as Brushes);
  return name === "method" && value === "permutation" ? "" : String(value);
}

/** Names may hold commas: each is percent-encoded by itself. */
function listOf(text: string): string[] {
  return text.split(",").flatMap((part) => {
    try {
      return part === "" ? [] : [decodeURIComponent(part)];
    } catch {
      return []; // mangled
    }
  });
}
