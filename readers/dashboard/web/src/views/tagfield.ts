// A run's tags, added, changed and taken away in place. The note has a place of its own, though it is stored as a tag.

import type { NamedValue } from "../answers";
import { postTags } from "../api";
import { h } from "../dom";
import { plural } from "../format";
import { told } from "../states";
import { safeCut } from "./longtext";
import { wholeValue } from "./valuetext";

export interface TagField {
  readonly element: HTMLElement;
  update(tags: readonly NamedValue[]): void;
}

const SHOWN = 24;

export function tagField(runId: string, editable: boolean, saved: () => void): TagField {
  const element = h("div", { class: "tags" });
  let tags: readonly NamedValue[] = [];
  let editing = false;
  let all = false;
  let drawn = "";

  function show(): void {
    editing = false;
    const shown = all ? tags : tags.slice(0, SHOWN);
    element.replaceChildren(...shown.map(chip));
    if (shown.length < tags.length) element.append(h("button", { class: "more", type: "button", on: { click: showAll } }, `show all ${plural(tags.length, "tag")}`));
    if (editable) element.append(h("button", { class: "more tag-add", type: "button", on: { click: () => void open(null) } }, tags.length > 0 ? "Add tag" : "Add a tag"));
    element.hidden = tags.length === 0 && !editable;
  }

  function showAll(): void {
    all = true;
    show();
  }

  function chip(tag: NamedValue): HTMLElement {
    const label = [h("span", { class: "tag-name" }, cut(tag.name)), tag.value !== "" && h("span", { class: "tag-value" }, cut(tag.value))];
    const title = `${safeCut(tag.name, 200)}: ${safeCut(tag.value, 1000)}`;
    if (!editable) return h("span", { class: "chip tag", title }, label);
    return h("button", { class: "chip tag", type: "button", title, "aria-label": `Edit the tag ${title}`, on: { click: () => void open(tag) } }, label);
  }

  async function open(cut: NamedValue | null): Promise<void> {
    const tag = cut && (await whole(cut));
    editing = true;
    const words = h("p", { class: "field-error", role: "alert" });
    const name = h("input", { class: "input", "aria-label": "Tag's name", placeholder: "name", value: tag?.name ?? "", readonly: tag !== null, maxlength: 250, required: true });
    const value = h("input", { class: "input", "aria-label": "Tag's value", placeholder: "value", value: tag?.value ?? "", maxlength: 60_000 });
    const save = h("button", { class: "button button-primary", type: "submit" }, "Save tag");
    const remove = tag && h("button", { class: "button button-danger", type: "button", on: { click: () => void keep(tag.name, null) } }, "Remove");

    async function keep(key: string, text: string | null): Promise<void> {
      save.disabled = true;
      try {
        await postTags(runId, { [key]: text });
        const others = tags.filter((other) => other.name !== key);
        tags = text === null ? others : [...others, { name: key, value: text }].sort((a, b) => (a.name < b.name ? -1 : 1));
        show();
        element.querySelector<HTMLElement>(".tag-add")?.focus();
        saved();
      } catch (error) {
        const { title, hint } = told(error);
        words.textContent = `${title} ${hint}`;
        save.disabled = false;
      }
    }

    function close(): void {
      show();
      element.querySelector<HTMLElement>(".tag-add")?.focus();
    }

    const form = h(
      "form",
      {
        class: "tag-form",
        "aria-label": tag === null ? "New tag" : `The tag ${safeCut(tag.name, 100)}`,
        on: {
          submit: (event) => {
            event.preventDefault();
            if (name.value.trim() !== "") void keep(tag?.name ?? name.value.trim(), value.value);
          },
          keydown: (event) => {
            if (event.key !== "Escape") return;
            event.stopPropagation();
            close();
          },
        },
      },
      name,
      value,
      save,
      remove,
      h("button", { class: "button button-quiet", type: "button", on: { click: close } }, "Cancel"),
      words,
    );
    element.replaceChildren(form);
    (tag === null ? name : value).focus();
  }

  /** What is edited must be all of it, or saving would cut it. */
  async function whole(tag: NamedValue): Promise<NamedValue> {
    return { ...tag, value: await wholeValue(runId, "tag", tag) };
  }

  return {
    element,
    update: (next) => {
      const now = JSON.stringify(next.slice(0, 1000));
      if (editing || now === drawn) return;
      drawn = now;
      tags = next;
      show();
    },
  };
}

function cut(text: string): string {
  return text.length > 48 ? `${safeCut(text, 47)}…` : text;
}
