// The charts' whole state as it stands in the address. All names begin with "c.", so they meet nobody else's.

import type { BandKind } from "./bands";

export interface Range {
  from: number;
  to: number;
}

/** What one chart has otherwise than the others. */
export interface OwnView {
  logY?: boolean;
  bulk?: boolean;
  zoom?: Range;
}

export interface ChartsView {
  /** "step", "time", "relative_time", or a metric's key. */
  x: string;
  /** In [0, 1). */
  smooth: number;
  logX: boolean;
  logY: boolean;
  /** Leave outliers out of the y-range. */
  bulk: boolean;
  /** A zoom is everybody's. */
  sync: boolean;
  /** How groups are drawn. */
  band: BandKind | "runs";
  find: string;
  /** Sections whose state isn't the usual one. */
  turned: string[];
  /** The shared zoom. */
  zoom: Range | null;
  /** The chart that fills the window. */
  full: string | null;
  own: Map<string, OwnView>;
}

const NAMES = ["c.x", "c.smooth", "c.log", "c.range", "c.sync", "c.band", "c.find", "c.turned", "c.zoom", "c.full", "c.of"] as const;
const BANDS: readonly string[] = ["ci", "std", "minmax", "runs"];

export function readChartsView(params: URLSearchParams): ChartsView {
  const smooth = Number(params.get("c.smooth") ?? "0");
  const log = params.get("c.log") ?? "";
  const band = params.get("c.band") ?? "ci";
  return {
    x: params.get("c.x") || "step",
    smooth: smooth >= 0 && smooth < 1 ? smooth : 0,
    logX: log.includes("x"),
    logY: log.includes("y"),
    bulk: params.get("c.range") === "bulk",
    sync: params.get("c.sync") === "1",
    band: BANDS.includes(band) ? (band as BandKind | "runs") : "ci",
    find: params.get("c.find") ?? "",
    turned: params.getAll("c.turned"),
    zoom: rangeOf(params.get("c.zoom")),
    full: params.get("c.full"),
    own: new Map(params.getAll("c.of").map(readOwn)),
  };
}

/** A copy of `params` with the view in it; names that aren't the view's stay. */
export function writeChartsView(view: ChartsView, params: URLSearchParams): URLSearchParams {
  const written = new URLSearchParams();
  for (const [name, value] of params) if (!(NAMES as readonly string[]).includes(name)) written.append(name, value);
  const set = (name: (typeof NAMES)[number], value: string): void => {
    if (value !== "") written.append(name, value);
  };
  set("c.x", view.x === "step" ? "" : view.x);
  set("c.smooth", view.smooth === 0 ? "" : String(view.smooth));
  set("c.log", (view.logX ? "x" : "") + (view.logY ? "y" : ""));
  set("c.range", view.bulk ? "bulk" : "");
  set("c.sync", view.sync ? "1" : "");
  set("c.band", view.band === "ci" ? "" : view.band);
  set("c.find", view.find);
  for (const section of view.turned) written.append("c.turned", section);
  set("c.zoom", view.zoom ? rangeText(view.zoom) : "");
  set("c.full", view.full ?? "");
  for (const [key, own] of view.own) set("c.of", ownText(key, own));
  return written;
}

/** "val/loss|log|zoom:10:20"; a bar in the key is escaped. */
function ownText(key: string, own: OwnView): string {
  const parts: string[] = [];
  if (own.logY !== undefined) parts.push(own.logY ? "log" : "linear");
  if (own.bulk !== undefined) parts.push(own.bulk ? "bulk" : "all");
  if (own.zoom) parts.push(`zoom:${rangeText(own.zoom)}`);
  return parts.length > 0 ? [key.replaceAll("%", "%25").replaceAll("|", "%7C"), ...parts].join("|") : "";
}

function readOwn(text: string): [string, OwnView] {
  const [key = "", ...parts] = text.split("|");
  const own: OwnView = {};
  for (const part of parts) {
    if (part === "log" || part === "linear") own.logY = part === "log";
    else if (part === "bulk" || part === "all") own.bulk = part === "bulk";
    else if (part.startsWith("zoom:")) {
      const zoom = rangeOf(part.slice("zoom:".length));
      if (zoom) own.zoom = zoom;
    }
  }
  return [key.replaceAll("%7C", "|").replaceAll("%25", "%"), own];
}

const rangeText = (range: Range): string => `${range.from}:${range.to}`;

function rangeOf(text: string | null): Range | null {
  const [from, to] = (text ?? "").split(":").map(Number);
  return from !== undefined && to !== undefined && Number.isFinite(from) && Number.isFinite(to) && from < to ? { from, to } : null;
}
