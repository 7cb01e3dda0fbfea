// Tabs whose choice stands in the address: links, so that one can be opened beside the page or sent to a colleague.

import { fill, h } from "../dom";

export interface Tab {
  readonly id: string;
  readonly title: string;
  /** How many things are in it; none shown when absent. */
  readonly count?: string | undefined;
}

export interface Tabs {
  readonly element: HTMLElement;
  update(tabs: readonly Tab[], active: string): void;
}

export interface TabsOptions {
  /** What they divide, for those who don't see the page. */
  readonly label: string;
  /** The id of the element that shows the active one. */
  readonly panel: string;
  address: (id: string) => string;
  choose: (id: string) => void;
}

export function tabList(options: TabsOptions): Tabs {
  const element = h("div", { class: "tabs", role: "tablist", "aria-label": options.label, on: { keydown: move } });

  function link(tab: Tab, active: boolean): HTMLElement {
    return h(
      "a",
      {
        class: "tab",
        id: `tab-${tab.id}`,
        role: "tab",
        href: options.address(tab.id),
        tabindex: active ? 0 : -1,
        "aria-selected": String(active),
        "aria-controls": options.panel,
        data: { tab: tab.id },
        on: { click: (event) => take(event, tab.id) },
      },
      tab.title,
      tab.count !== undefined && h("span", { class: "tab-count" }, tab.count),
    );
  }

  function take(event: MouseEvent, id: string): void {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    options.choose(id);
  }

  function move(event: KeyboardEvent): void {
    const links = [...element.querySelectorAll<HTMLElement>(".tab")];
    const at = links.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1 + links.length, Home: 0, End: links.length - 1 }[event.key];
    const next = to === undefined || at < 0 ? undefined : links[to % links.length];
    if (next === undefined) return;
    event.preventDefault();
    options.choose(next.dataset["tab"] ?? "");
    element.querySelector<HTMLElement>('[aria-selected="true"]')?.focus();
  }

  let drawn = "";

  /** Links that are as they were stay: one that is just being pressed must not go. */
  function update(tabs: readonly Tab[], active: string): void {
    const now = JSON.stringify([tabs, active, tabs.map((tab) => options.address(tab.id))]);
    if (now === drawn) return;
    drawn = now;
    const focused = element.contains(document.activeElement);
    fill(element, tabs.map((tab) => link(tab, tab.id === active)));
    const chosen = element.querySelector<HTMLElement>('[aria-selected="true"]');
    if (focused) chosen?.focus();
    if (chosen) element.scrollLeft = Math.max(0, chosen.offsetLeft - element.clientWidth / 2 + chosen.offsetWidth / 2);
  }

  return { element, update };
}
