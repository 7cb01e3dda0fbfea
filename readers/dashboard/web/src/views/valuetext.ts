// A value that was logged under a name, whole on demand: the server sends only the beginning of a long one.

import type { NamedValue } from "../answers";
import { getValue } from "../api";
import { longText } from "./longtext";

export function valueText(runId: string, kind: "param" | "tag" | "env", entry: NamedValue): HTMLElement {
  const { length } = entry;
  if (length === undefined) return longText(entry.value);
  return longText(entry.value, undefined, { length, load: () => wholeValue(runId, kind, entry) });
}

/** All of it, asked for where only the beginning came. */
export async function wholeValue(runId: string, kind: "param" | "tag" | "env", entry: NamedValue): Promise<string> {
  return entry.length === undefined ? entry.value : (await getValue(runId, kind, entry.name)).value;
}
