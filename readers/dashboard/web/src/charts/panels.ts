// Chart panels of the chosen runs. (Seam: the types stand; the charts follow.)

import { h } from "../dom";

export interface PanelOptions {
  /** Run ids in the order chosen; colour.claimColours has been called with them. */
  runs: readonly string[];
  /** run id -> what to call it. */
  names: ReadonlyMap<string, string>;
  /** run id -> its group's name; absent: every run for itself. */
  groups?: ReadonlyMap<string, string>;
  /** The page's query; the panels read and write only their own names in it. */
  params: URLSearchParams;
  onParams: (params: URLSearchParams) => void;
}

export interface Panels {
  update(options: Partial<PanelOptions>): void;
  dispose(): void;
}

export function mountPanels(root: HTMLElement, options: PanelOptions): Panels {
  root.append(h("p", null, `charts of ${options.runs.length} runs`));
  return { update: () => undefined, dispose: () => root.replaceChildren() };
}
