// Line icons, 16 units wide, in the text's colour. Decoration: the control says in words what it does.

import { svg } from "./dom";

const PATHS = {
  logo: "M2 13V9.5h4V6h4V2.5h4",
  tree: "M2.5 3.5h4M4.5 3.5v9h3M4.5 8h3M9.5 8h4M9.5 12.5h4M9.5 3.5h4",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10ZM10.6 10.6 14 14",
  filter: "M2 4h12M4.5 8h7M6.8 12h2.4",
  columns: "M2.5 3h11v10h-11zM6.2 3v10M9.8 3v10",
  group: "M2.5 3.5h11M5 8h8.5M5 12.5h8.5M2.5 8h.01M2.5 12.5h.01",
  beside: "M2.5 3h11v10h-11zM8 3v10",
  below: "M2.5 3h11v10h-11zM2.5 8h11",
  table: "M2.5 3h11v10h-11zM2.5 6.3h11M2.5 9.6h11",
  sun: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1.1 1.1M11.9 11.9 13 13M3 13l1.1-1.1M11.9 4.1 13 3",
  moon: "M13.5 9.6A6 6 0 0 1 6.4 2.5a6 6 0 1 0 7.1 7.1Z",
  system: "M2 3h12v8.5H2zM6 14h4M8 11.5V14",
  close: "M4 4l8 8M12 4l-8 8",
  expand: "M9.5 2.5h4v4M6.5 13.5h-4v-4M13.5 2.5 9 7M2.5 13.5 7 9",
  chevron: "M4 6l4 4 4-4",
  sliders: "M2.5 4.5h6M11.5 4.5h2M2.5 11.5h2M7.5 11.5h6M8.5 3v3M4.5 10v3",
} as const;

export type IconName = keyof typeof PATHS;

export function icon(name: IconName): SVGSVGElement {
  return svg(
    "svg",
    { viewBox: "0 0 16 16", width: 16, height: 16, fill: "none", stroke: "currentColor", "stroke-width": 1.4, "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true", class: "icon" },
    svg("path", { d: PATHS[name] }),
  );
}
