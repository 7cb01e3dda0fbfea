// The name of an axis: dragged, or moved by the arrow keys, it takes its axis along.

import { h } from "../dom";
import { title } from "./columns";
import { safeCut } from "./longtext";
import type { AxisLayout } from "./parallellayout";

export interface AxisNameOptions {
  readonly index: number;
  readonly count: number;
  readonly isMetric: boolean;
  /** The axis goes to this place among the axes; its own place leaves it, and draws all anew. */
  move: (to: number) => void;
  /** Gives the focus to the name at a place. */
  focus: (index: number) => void;
  /** The place among the axes that is nearest to an x in pixels. */
  placeAt: (x: number) => number;
}

const CLICK = 4;

export function axisName(axis: AxisLayout, options: AxisNameOptions): HTMLElement {
  const name = title(axis.column.name);
  const log = axis.column.kind === "log";
  const button = h(
    "button",
    {
      class: options.isMetric ? "axis-name axis-metric" : "axis-name",
      type: "button",
      title: `${safeCut(name, 300)}${log ? " (logarithmic)" : ""}: drag it, or press the arrow keys, to move the axis`,
      "aria-label": `${safeCut(name, 100)}, axis ${options.index + 1} of ${options.count}; left and right arrows move it`,
      on: { keydown: moveByKey, pointerdown: drag },
    },
    h("span", { class: "cut" }, safeCut(name, 60)),
    log && h("small", { class: "faint" }, "log"),
  );

  function moveByKey(event: KeyboardEvent): void {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    options.move(options.index + by);
    options.focus(options.index + by);
  }

  function drag(event: PointerEvent): void {
    if (event.button !== 0) return;
    const from = Number.parseFloat(button.style.left); // where it is now: the window may have changed since it was made
    const at = (moved: PointerEvent): number => from + moved.clientX - event.clientX;

    function follow(moved: PointerEvent): void {
      if (Math.abs(moved.clientX - event.clientX) < CLICK) return;
      button.classList.add("axis-moving");
      button.style.left = `${at(moved)}px`;
    }

    function stop(last: PointerEvent): void {
      window.removeEventListener("pointermove", follow);
      window.removeEventListener("pointerup", stop);
      window.removeEventListener("pointercancel", stop);
      button.classList.remove("axis-moving");
      options.move(last.type === "pointercancel" ? options.index : options.placeAt(at(last)));
    }

    window.addEventListener("pointermove", follow);
    window.addEventListener("pointerup", stop);
    window.addEventListener("pointercancel", stop);
  }

  return button;
}
