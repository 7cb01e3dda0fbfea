// The filter expression: a field that knows the columns' names, and shows what the server says is wrong with it.

import { h } from "../dom";
import { kindOf } from "./columns";

const STATUSES = ["RUNNING", "FINISHED", "FAILED", "KILLED", "INTERRUPTED"];
const MOST_OFFERED = 8;

/** A name as an expression spells it: params.lr, metrics."val/loss". */
export function spelled(name: string): string {
  if (kindOf(name) === "run") return name;
  const dot = name.indexOf(".");
  const rest = name.slice(dot + 1);
  return /^[A-Za-z_]\w*$/.test(rest) ? name : `${name.slice(0, dot)}."${rest.replaceAll('"', '""')}"`;
}

export class FilterField {
  readonly element: HTMLElement;
  readonly input: HTMLInputElement;
  private readonly error = h("p", { class: "filter-error", id: "filter-error", role: "alert", hidden: true });
  private readonly offers = h("div", { class: "menu offers", role: "listbox", id: "filter-offers", "aria-label": "Columns", hidden: true });
  private readonly clear: HTMLButtonElement;
  private names: readonly string[] = [];
  private picked = -1;
  private applied = "";

  constructor(private readonly onApply: (filter: string) => void) {
    this.input = h("input", {
      class: "input mono",
      type: "text",
      placeholder: "Filter: params.lr > 0.1 and status = 'FINISHED'",
      "aria-label": "Filter expression",
      role: "combobox",
      "aria-autocomplete": "list",
      "aria-expanded": "false",
      "aria-controls": "filter-offers",
      "aria-describedby": "filter-error",
      spellcheck: "false",
      autocomplete: "off",
      autocapitalize: "off",
      maxlength: 2000,
      on: {
        input: () => this.offer(),
        keydown: (event) => this.onKey(event),
        blur: () => this.onBlur(),
      },
    });
    this.clear = h("button", { class: "field-clear", type: "button", "aria-label": "Clear the filter", hidden: true, on: { click: () => this.set("") } }, "×");
    this.offers.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // the field keeps the focus
      const option = (event.target as Element).closest<HTMLElement>("[role=option]");
      if (option) this.take(option.dataset["insert"] ?? "");
    });
    this.element = h("div", { class: "field field-filter" }, this.input, this.clear, this.offers, this.error);
  }

  /** What is shown, without applying it. */
  show(filter: string): void {
    this.applied = filter;
    this.input.value = filter;
    this.clear.hidden = filter === "";
  }

  /** Shows and applies. */
  set(filter: string): void {
    this.input.value = filter;
    this.apply();
  }

  know(names: readonly string[]): void {
    this.names = names;
  }

  /** What the server says is wrong; "" is nothing. */
  showError(error: string, hint = ""): void {
    this.error.hidden = error === "";
    this.error.replaceChildren(error, ...(hint ? [h("span", { class: "filter-hint" }, ` ${hint}`)] : []));
    this.input.setAttribute("aria-invalid", String(error !== ""));
  }

  /** Puts the beginning of a condition into the field, for the reader to finish. */
  begin(name: string): void {
    const now = this.input.value.trim();
    this.input.value = `${now === "" ? "" : `${now} and `}${spelled(name)} `;
    this.input.focus();
    this.input.setSelectionRange(this.input.value.length, this.input.value.length);
  }

  private apply(): void {
    this.close();
    const filter = this.input.value.trim();
    this.clear.hidden = filter === "";
    if (filter === this.applied) return;
    this.applied = filter;
    this.showError("");
    this.onApply(filter);
  }

  private onBlur(): void {
    this.close();
    // An unfinished expression isn't sent because the reader looked elsewhere: only Enter says it is done. An emptied one is.
    if (this.input.value.trim() === "") this.apply();
  }

  private onKey(event: KeyboardEvent): void {
    const options = this.offers.hidden ? [] : ([...this.offers.children] as HTMLElement[]);
    if (event.key === "ArrowDown" && options.length > 0) this.pick((this.picked + 1) % options.length);
    else if (event.key === "ArrowUp" && options.length > 0) this.pick((this.picked + options.length) % (options.length + 1) - 1);
    else if ((event.key === "Tab" || event.key === "Enter") && this.picked >= 0) this.take(options[this.picked]?.dataset["insert"] ?? "");
    else if (event.key === "Tab" && options.length > 0) this.take(options[0]?.dataset["insert"] ?? "");
    else if (event.key === "Enter") this.apply();
    else if (event.key === "Escape" && options.length > 0) this.close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** The columns that the word before the caret may mean. */
  private offer(): void {
    const before = this.input.value.slice(0, this.input.selectionStart ?? 0);
    const word = /[\w./"-]*$/.exec(before)?.[0] ?? "";
    const found = offersFor(before, word, this.names);
    this.picked = -1;
    this.offers.replaceChildren(
      ...found.map(({ text, about }, k) =>
        h("div", { class: "menu-item", role: "option", id: `offer-${k}`, "aria-selected": "false", data: { insert: text } }, h("span", { class: "cut mono" }, text), h("span", { class: "menu-keys" }, about)),
      ),
    );
    this.offers.hidden = found.length === 0;
    this.input.setAttribute("aria-expanded", String(found.length > 0));
    this.input.removeAttribute("aria-activedescendant");
  }

  private pick(index: number): void {
    this.picked = index;
    [...this.offers.children].forEach((option, k) => option.setAttribute("aria-selected", String(k === index)));
    if (index < 0) this.input.removeAttribute("aria-activedescendant");
    else this.input.setAttribute("aria-activedescendant", `offer-${index}`);
  }

  private take(text: string): void {
    const caret = this.input.selectionStart ?? 0;
    const before = this.input.value.slice(0, caret).replace(/[\w./"'-]*$/, "");
    this.input.value = `${before}${text} ${this.input.value.slice(caret).trimStart()}`;
    const at = before.length + text.length + 1;
    this.input.setSelectionRange(at, at);
    this.close();
  }

  private close(): void {
    this.offers.hidden = true;
    this.picked = -1;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }
}

export function offersFor(before: string, word: string, names: readonly string[]): { text: string; about: string }[] {
  if (/status\s*(=|!=|==|<>)\s*'?[A-Za-z]*$/i.test(before)) {
    const begun = /[A-Za-z]*$/.exec(before)?.[0].toUpperCase() ?? "";
    return STATUSES.filter((status) => status.startsWith(begun)).map((status) => ({ text: `'${status}'`, about: "" }));
  }
  if (word.length === 0 || /^[\d.-]/.test(word) || (before.split("'").length - 1) % 2 === 1) return [];
  const wanted = word.toLowerCase().replaceAll('"', "");
  const rank = (name: string): number => {
    const low = name.toLowerCase();
    const own = low.slice(low.indexOf(".") + 1);
    return low.startsWith(wanted) || own.startsWith(wanted) ? 0 : low.includes(wanted) ? 1 : 2;
  };
  return names
    .filter((name) => rank(name) < 2 && spelled(name) !== word)
    .sort((a, b) => rank(a) - rank(b))
    .slice(0, MOST_OFFERED)
    .map((name) => ({ text: spelled(name), about: kindOf(name) === "run" ? "" : kindOf(name).slice(0, -1) }));
}
