// Which charts there are, in sections by what stands before a name's first slash, and which of them fit a search.

import type { MetricKey } from "../answers";

export interface Offered extends MetricKey {
  /** "epoch_#/loss" for epoch_0/loss, epoch_1/loss, …; null for others. */
  series?: string | null;
}

export interface Section {
  /** "train", "epoch_#", "system"; "" for names without a slash. */
  name: string;
  system: boolean;
  keys: string[];
}

/** In the order of the keys, those without a slash first, the machine's last. */
export function sectionsOf(metrics: readonly Offered[]): Section[] {
  const sections = new Map<string, Section>();
  for (const metric of metrics) {
    const name = sectionName(metric);
    const id = `${metric.system} ${name}`;
    const section = sections.get(id) ?? { name, system: metric.system, keys: [] };
    section.keys.push(metric.key);
    sections.set(id, section);
  }
  const rank = (section: Section): number => (section.system ? 2 : section.name === "" ? 0 : 1);
  return [...sections.values()].sort((a, b) => rank(a) - rank(b));
}

function sectionName(metric: Offered): string {
  const group = metric.key.includes("/") ? metric.key.slice(0, metric.key.indexOf("/")) : "";
  return metric.series && group !== "" ? group.replace(/\d+/g, "#") : group;
}

export type Find = (key: string) => boolean;

/** Words that must all occur, or /a regular expression/; null where that can't be read. Case doesn't count. */
export function finder(text: string): Find | null {
  const trimmed = text.trim();
  const pattern = /^\/(.+?)\/?$/.exec(trimmed)?.[1];
  if (pattern !== undefined && trimmed.length > 1) {
    try {
      const expression = new RegExp(pattern, "i");
      return (key) => expression.test(key);
    } catch {
      return null;
    }
  }
  const words = trimmed.toLowerCase().split(/\s+/).filter((word) => word !== "");
  return (key) => words.every((word) => key.toLowerCase().includes(word));
}
