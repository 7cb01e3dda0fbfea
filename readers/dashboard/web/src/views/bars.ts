// A histogram as small as a word.

import { svg, type Child } from "../dom";

export function bars(counts: readonly number[]): Child {
  const most = counts.reduce((high, count) => Math.max(high, count), 0);
  if (most === 0) return null;
  const path = counts.map((count, bin) => (count === 0 ? "" : `M${bin * 4},20v${-(2 + (count / most) * 17)}h3v${2 + (count / most) * 17}z`)).join("");
  return svg("svg", { class: "bars", viewBox: `0 0 ${counts.length * 4} 20`, width: counts.length * 4, height: 20, "aria-hidden": "true" }, svg("path", { d: path }));
}
