import { h } from "../dom";
import type { PageLocation } from "../router";

export function mount(root: HTMLElement, location: PageLocation): () => void {
  root.append(h("p", null, location.path));
  return () => root.replaceChildren();
}
