// A text that one wants elsewhere, with a button that copies it.

import { h } from "../dom";
import { notice } from "../notice";

export function copyButton(text: string, what: string): HTMLElement {
  const button = h("button", { class: "more copy", type: "button", "aria-label": `Copy ${what}`, on: { click: () => void copy() } }, what === "the path" ? "copy path" : "copy");
  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(text);
      notice(`Copied ${what}`, "good");
    } catch {
      notice(`The browser refused to copy ${what}; select it by hand`, "bad"); // no permission, or not a secure page
    }
  }
  return button;
}
