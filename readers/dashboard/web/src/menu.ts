// What opens at a button: a panel of any content, or a menu of commands. Closed by Escape, a click elsewhere, or a choice;
// the focus goes back to where it was.

import { h, type Child } from "./dom";

let closeOpen: (() => void) | null = null;

export interface Popover {
  close: () => void;
  /** After the content changed its size. */
  place: () => void;
}

/** Opens `content` at `anchor`; clicking the same anchor again closes it. */
export function openPopover(anchor: HTMLElement, content: Child, options: { label: string; role?: string; onClose?: () => void }): Popover | null {
  const again = anchor.getAttribute("aria-expanded") === "true";
  closeOpen?.();
  if (again) return null;
  const panel = h("div", { class: "menu", role: options.role ?? "dialog", "aria-label": options.label }, content);
  const back = document.activeElement;
  const place = (): void => placeAt(panel, anchor);
  const close = (): void => {
    if (closeOpen !== close) return;
    closeOpen = null;
    document.removeEventListener("pointerdown", outside, true);
    document.removeEventListener("keydown", escape, true);
    window.removeEventListener("resize", close);
    window.removeEventListener("popstate", close);
    const hadFocus = panel.contains(document.activeElement);
    panel.remove();
    anchor.setAttribute("aria-expanded", "false");
    if (hadFocus && back instanceof HTMLElement) back.focus();
    options.onClose?.();
  };
  const outside = (event: Event): void => {
    const target = event.target as Node;
    if (!panel.contains(target) && !anchor.contains(target)) close();
  };
  const escape = (event: KeyboardEvent): void => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    close();
  };
  document.addEventListener("pointerdown", outside, true);
  document.addEventListener("keydown", escape, true);
  window.addEventListener("resize", close);
  window.addEventListener("popstate", close);
  anchor.setAttribute("aria-expanded", "true");
  document.body.append(panel);
  closeOpen = close;
  place();
  (panel.querySelector<HTMLElement>("input, button") ?? panel).focus();
  return { close, place };
}

export interface MenuItem {
  label: string;
  run: () => void;
  /** Shown at the right, faint. */
  keys?: string;
  checked?: boolean;
}

/** A menu of commands: arrows, Home, End, first letters; Enter runs one. */
export function openMenu(anchor: HTMLElement, items: readonly MenuItem[], label: string): void {
  let popover: Popover | null = null;
  const buttons = items.map((item) =>
    h(
      "button",
      {
        type: "button",
        class: "menu-item",
        role: item.checked === undefined ? "menuitem" : "menuitemradio",
        "aria-checked": item.checked === undefined ? undefined : String(item.checked),
        on: {
          click: () => {
            popover?.close();
            item.run();
          },
        },
      },
      h("span", { class: "cut" }, item.label),
      item.keys !== undefined && h("span", { class: "menu-keys" }, item.keys),
    ),
  );
  const list = h("div", { on: { keydown: (event) => walk(event, buttons) } }, h("p", { class: "menu-title cut" }, label), buttons);
  popover = openPopover(anchor, list, { label, role: "menu" });
}

function walk(event: KeyboardEvent, buttons: readonly HTMLElement[]): void {
  const at = buttons.findIndex((button) => button === document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
  const next = to === undefined && event.key.length === 1 ? letter(event.key, at, buttons) : to;
  if (next === undefined) return;
  buttons.at(next % buttons.length)?.focus();
  event.preventDefault();
  event.stopPropagation();
}

function letter(key: string, at: number, buttons: readonly HTMLElement[]): number | undefined {
  for (let k = 1; k <= buttons.length; k += 1) {
    const to = (at + k) % buttons.length;
    if (buttons[to]?.textContent?.toLowerCase().startsWith(key.toLowerCase())) return to;
  }
  return undefined;
}

/** Below the anchor where there is room, else above; never over the edge of the window. */
function placeAt(panel: HTMLElement, anchor: HTMLElement): void {
  const box = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = panel;
  const below = window.innerHeight - box.bottom - 8;
  const top = below >= height || below >= box.top ? box.bottom + 4 : Math.max(8, box.top - height - 4);
  panel.style.top = `${Math.max(8, Math.min(top, window.innerHeight - height - 8))}px`;
  panel.style.left = `${Math.max(8, Math.min(box.left, window.innerWidth - width - 8))}px`;
}
