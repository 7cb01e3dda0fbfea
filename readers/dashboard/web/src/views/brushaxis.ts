// One axis of parallel coordinates: its line, marks and name, and the brush on it: drawn by dragging, moved by its
// middle or its ends, or by the keyboard (the ends are sliders).

import { svg } from "../dom";
import { formatNumber } from "../format";
import { brushBetween, brushPlaces, nudged, type Brush } from "./brushes";
import { safeCut } from "./longtext";
import { GAP, height, placeAt, type AxisLayout, type Box } from "./parallellayout";
import type { Scale } from "./scale";

export interface AxisView {
  readonly element: SVGGElement;
  update(layout: AxisLayout, box: Box, brush: Brush | undefined, room: number): void;
}

const GRIP = 7;
const CLICK = 4;
const LINE = 12;

/** `brushed` is called with each change, `undefined` when the axis no longer chooses. */
export function brushAxis(name: string, brushed: (brush: Brush | undefined) => void): AxisView {
  const line = svg("line", { class: "axis-line" });
  const ticks = svg("g", { class: "axis-ticks", "aria-hidden": "true" });
  const stretch = svg("rect", { class: "brush", rx: 2 });
  const catcher = svg("rect", { class: "axis-catcher" });
  const low = slider("low");
  const high = slider("high");
  const element = svg("g", { class: "axis", role: "group", "aria-label": `Axis ${safeCut(name, 100)}` }, line, ticks, catcher, stretch, low, high);
  let layout: AxisLayout;
  let box: Box;
  let brush: Brush | undefined;

  function slider(end: "low" | "high"): SVGGElement {
    const grip = svg("g", { class: "grip", role: "slider", tabindex: 0, "aria-orientation": "vertical", "aria-label": `${end === "low" ? "Lowest" : "Highest"} ${safeCut(name, 100)} chosen` }, svg("rect", { class: "grip-area", x: -14, y: -9, width: 28, height: 18 }), svg("rect", { class: "grip-mark", x: -8, y: -2.5, width: 16, height: 5, rx: 2.5 }));
    grip.addEventListener("keydown", (event) => key(event, end));
    grip.addEventListener("pointerdown", (event) => start(event, end));
    return grip;
  }

  function key(event: KeyboardEvent, end: "low" | "high"): void {
    const now = brush ?? { low: layout.scale.low, high: layout.scale.high };
    const steps = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10, Home: -1000, End: 1000 }[event.key];
    if (steps !== undefined) change(nudged(layout.scale, now, end, steps));
    else if (event.key === "Delete" || event.key === "Backspace" || event.key === "Escape") change(undefined);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function change(next: Brush | undefined): void {
    const all = next !== undefined && !layout.gaps && next.low <= layout.scale.low && next.high >= layout.scale.high;
    brushed(all ? undefined : next);
  }

  function start(event: PointerEvent, end: "low" | "high" | "new" | "move"): void {
    if (event.button !== 0) return;
    event.preventDefault();
    event.stopPropagation();
    const top = element.ownerSVGElement?.getBoundingClientRect().top ?? 0;
    const at = (moved: PointerEvent): number => placeAt(box, moved.clientY - top);
    const before = brush;
    const places: [number, number] = brush === undefined ? [0, 1] : brushPlaces(layout.scale, brush);
    const from = at(event);
    const fixed = end === "new" ? from : end === "low" ? places[1] : places[0];
    let moved = false;

    function move(next: PointerEvent): void {
      if (!moved && Math.abs(next.clientY - event.clientY) < CLICK) return;
      moved = true;
      if (end === "move") {
        const by = Math.max(-places[0], Math.min(1 - places[1], at(next) - from));
        brushed(shifted(layout.scale, places, by));
      } else brushed(brushBetween(layout.scale, fixed, at(next)));
    }

    function stop(last: PointerEvent): void {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", stop);
      window.removeEventListener("pointercancel", stop);
      if (last.type === "pointercancel") brushed(before);
      else if (!moved) click(end, from);
    }

    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", stop);
    window.addEventListener("pointercancel", stop);
  }

  /** A click on a level chooses it; elsewhere, or again, nothing is chosen by this axis. */
  function click(end: string, place: number): void {
    if (end === "new" && layout.scale.kind === "category" && place >= 0 && place <= 1) brushed(brushBetween(layout.scale, place, place));
    else if (end === "new" || end === "move") brushed(undefined);
  }

  catcher.addEventListener("pointerdown", (event) => start(event, "new"));
  stretch.addEventListener("pointerdown", (event) => start(event, "move"));

  function update(nextLayout: AxisLayout, nextBox: Box, nextBrush: Brush | undefined, room: number): void {
    layout = nextLayout;
    box = nextBox;
    brush = nextBrush;
    const { scale } = layout;
    element.setAttribute("transform", `translate(${layout.x},0)`);
    put(line, { y1: box.top, y2: box.bottom });
    put(catcher, { x: -18, y: box.top - 8, width: 36, height: box.bottom - box.top + 16 });
    const places = brush === undefined ? ([0, 1] as const) : brushPlaces(scale, brush);
    const [from, to] = [height(box, places[1]), height(box, places[0])];
    element.classList.toggle("axis-brushed", brush !== undefined);
    put(stretch, { x: -GRIP, y: from, width: 2 * GRIP, height: Math.max(to - from, 2), visibility: brush === undefined ? "hidden" : "visible" });
    low.setAttribute("transform", `translate(0,${to})`);
    high.setAttribute("transform", `translate(0,${from})`);
    const now = brush ?? { low: scale.low, high: scale.high };
    for (const [grip, value] of [[low, now.low], [high, now.high]] as const) {
      put(grip, { "aria-valuemin": scale.low, "aria-valuemax": scale.high, "aria-valuenow": value, "aria-valuetext": valueText(scale, value) });
    }
    ticks.replaceChildren(...tickMarks(layout, box, room));
  }

  return { element, update };
}

export function valueText(scale: Scale, value: number): string {
  if (Number.isNaN(value)) return "none";
  return scale.kind === "category" ? (scale.levels[Math.round(value)] ?? "none") : formatNumber(value);
}

function tickMarks(layout: AxisLayout, box: Box, room: number): Node[] {
  const letters = Math.max(4, Math.floor(room / 6.2));
  const most = Math.max(2, Math.floor((box.bottom - box.top) / (layout.scale.kind === "category" ? 16 : 44)));
  let above = Infinity;
  const marks: Node[] = layout.scale.ticks(most).flatMap(({ value, label }) => {
    const y = height(box, layout.scale.place(value));
    const mark = svg("line", { x1: -3, x2: 3, y1: y, y2: y });
    if (above - y < LINE) return [mark]; // no room for its words
    above = y;
    const text = label === "" ? "empty" : label.length > letters ? `${safeCut(label, letters - 1)}…` : label;
    return [mark, svg("text", { x: 8, y: y + 3.5 }, text)];
  });
  if (layout.gaps) marks.push(svg("circle", { cy: box.bottom + GAP, r: 2.5 }), svg("text", { x: 8, y: box.bottom + GAP + 3.5 }, "none"));
  return marks;
}

function shifted(scale: Scale, places: readonly [number, number], by: number): Brush {
  if (scale.kind !== "category") return brushBetween(scale, places[0] + by, places[1] + by);
  const nudge = 0.5 / Math.max(scale.levels.length, 1); // from the middle of the first level to that of the last
  return brushBetween(scale, places[0] + by + nudge, places[1] + by - nudge);
}

function put(element: Element, attributes: Record<string, string | number>): void {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
}
