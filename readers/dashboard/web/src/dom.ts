// Building the page. Every string from outside becomes a text node or an attribute's value, never markup: there is no
// innerHTML in this project (tests/dom.test.ts looks), so a run named <img onerror=…> is a run with an odd name.

export type Child = Node | string | number | null | undefined | false | readonly Child[];

export type Handlers = { [K in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[K]) => void };

export interface Props {
  class?: string | undefined;
  /** Written through element.style, which the page's policy allows; custom properties too ("--x"). */
  style?: Record<string, string | undefined> | undefined;
  data?: Record<string, string | number | undefined> | undefined;
  on?: Handlers | undefined;
  /** Called with the element once it is made. */
  ref?: (element: HTMLElement) => void;
  /** Anything else is an attribute: true is an empty one; false, null and undefined leave it out. */
  [attribute: string]: unknown;
}

/** Set as properties: as attributes they would only be the initial value. */
const PROPERTIES = new Set(["value", "checked", "disabled", "selected", "indeterminate", "open"]);

/** An element: `h("td", {class: "name"}, run.name)`. */
export function h<K extends keyof HTMLElementTagNameMap>(tag: K, props?: Props | null, ...children: Child[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (props) setProps(element, props);
  append(element, children);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** An SVG element; strings become text nodes here too. */
export function svg<K extends keyof SVGElementTagNameMap>(tag: K, attributes?: Record<string, string | number> | null, ...children: Child[]): SVGElementTagNameMap[K] {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) throw new TypeError(`handlers are added by addEventListener, not as ${name}`);
    element.setAttribute(name, String(value));
  }
  append(element, children);
  return element;
}

/** Replaces what is in `element`. */
export function fill(element: Element, ...children: Child[]): void {
  element.replaceChildren();
  append(element, children);
}

export function append(element: Element, children: readonly Child[]): void {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (child instanceof Node) element.append(child);
    else if (typeof child === "object") append(element, child);
    else element.append(document.createTextNode(String(child)));
  }
}

function setProps(element: HTMLElement, props: Props): void {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (name === "class") element.className = String(value);
    else if (name === "style") setStyle(element, value as Record<string, string | undefined>);
    else if (name === "data") setData(element, value as Record<string, string | number | undefined>);
    else if (name === "on") setHandlers(element, value as Handlers);
    else if (name === "ref") (value as (element: HTMLElement) => void)(element);
    else if (PROPERTIES.has(name)) (element as unknown as Record<string, unknown>)[name] = value;
    else if (/^on/i.test(name)) throw new TypeError(`handlers go under "on", not as ${name}`);
    else if (value !== false) element.setAttribute(name, value === true ? "" : safe(name, String(value)));
  }
}

function setStyle(element: HTMLElement, style: Record<string, string | undefined>): void {
  for (const [name, value] of Object.entries(style)) if (value !== undefined) element.style.setProperty(name, value);
}

function setData(element: HTMLElement, data: Record<string, string | number | undefined>): void {
  for (const [name, value] of Object.entries(data)) if (value !== undefined) element.dataset[name] = String(value);
}

function setHandlers(element: HTMLElement, handlers: Handlers): void {
  for (const [name, handler] of Object.entries(handlers)) if (handler) element.addEventListener(name, handler as EventListener);
}

/** Addresses stay on this server or are http(s): a tag's value as a link can't be javascript:. */
function safe(name: string, value: string): string {
  if (name !== "href" && name !== "src") return value;
  if (/^(\/(?!\/)|#|\?|blob:)/.test(value) || /^https?:\/\//i.test(value)) return value;
  return "#";
}
