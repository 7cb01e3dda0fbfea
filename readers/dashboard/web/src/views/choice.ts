// A labelled choice among names: a list to pick from, or a field with suggestions where there are very many.

import { h } from "../dom";
import { safeCut } from "./longtext";

export interface Option {
  readonly value: string;
  readonly label: string;
}

const MOST_LISTED = 150;

/** `chosen` is called with a value of `options`, never with another. The control's id is made of its label. */
export function choice(label: string, options: readonly Option[], value: string, chosen: (value: string) => void): HTMLElement {
  const id = `choice-${label.toLowerCase().replaceAll(" ", "-")}`;
  const control = options.length > MOST_LISTED ? suggested(id, options, value, chosen) : listed(id, options, value, chosen);
  return h("div", { class: "choice" }, h("label", { for: id }, label), control);
}

export function namesAsOptions(names: readonly string[]): Option[] {
  return names.map((name) => ({ value: name, label: name }));
}

function listed(id: string, options: readonly Option[], value: string, chosen: (value: string) => void): HTMLElement {
  const select = h("select", { class: "select", id, on: { change: () => chosen(select.value) } }, options.map((option) => h("option", { value: option.value }, safeCut(option.label, 80))));
  select.value = value;
  return select;
}

function suggested(id: string, options: readonly Option[], value: string, chosen: (value: string) => void): HTMLElement {
  const labelled = new Map(options.map((option) => [option.label, option.value]));
  const labelOf = (of: string): string => options.find((option) => option.value === of)?.label ?? of;
  const field = h("input", { class: "input", id, list: `${id}-list`, value: labelOf(value), autocomplete: "off", on: { change: take, focus: () => field.select() } });
  function take(): void {
    const found = labelled.get(field.value.trim());
    if (found === undefined) field.value = labelOf(value);
    else chosen(found);
  }
  return h("span", null, field, h("datalist", { id: `${id}-list` }, options.slice(0, 5000).map((option) => h("option", { value: option.label }))));
}
