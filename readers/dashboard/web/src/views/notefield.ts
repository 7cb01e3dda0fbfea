// A run's note: text that is read as it was written, and edited in place.

import { getValue, postNote } from "../api";
import { h } from "../dom";
import { notice } from "../notice";
import { told } from "../states";
import { longText } from "./longtext";

export interface NoteField {
  readonly element: HTMLElement;
  update(note: string): void;
}

const LONGEST = 60_000;
/** The server sends at most this much of a text. */
const SENT = 4096;

export function noteField(runId: string, editable: boolean, saved: () => void): NoteField {
  const element = h("div", { class: "note" });
  let note = "";
  let editing = false;

  function show(focus = false): void {
    editing = false;
    const edit = h("button", { class: "more note-edit", type: "button", on: { click: () => void open() } }, note === "" ? "Add a note" : "Edit note");
    element.replaceChildren();
    if (note !== "") element.append(h("div", { class: "note-text" }, noteText()));
    if (editable) element.append(edit);
    element.hidden = note === "" && !editable;
    if (focus) edit.focus();
  }

  function noteText(): HTMLElement {
    const cut = note.length >= SENT;
    return longText(note, 1200, cut ? { length: note.length, load: async () => (await getValue(runId, "tag", "note")).value } : undefined);
  }

  async function open(): Promise<void> {
    editing = true;
    if (note.length >= SENT) {
      try {
        note = (await getValue(runId, "tag", "note")).value; // all of it, or saving would cut it
      } catch (error) {
        editing = false;
        notice(`${told(error).title}: the note can't be edited now`, "bad");
        return;
      }
    }
    const words = h("p", { class: "field-error", role: "alert" });
    const field = h("textarea", {
      class: "input note-field",
      rows: Math.min(14, Math.max(3, note.split("\n").length + 1)),
      maxlength: LONGEST,
      "aria-label": "Note",
      placeholder: "What was this run for, and what came of it?",
      value: note,
      on: { keydown: keys },
    });
    const save = h("button", { class: "button button-primary", type: "button", on: { click: () => void keep() } }, "Save note");

    function keys(event: KeyboardEvent): void {
      if (event.key === "Escape") show(true);
      else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void keep();
      else return;
      event.preventDefault();
      event.stopPropagation();
    }

    async function keep(): Promise<void> {
      save.disabled = true;
      try {
        await postNote(runId, field.value);
        note = field.value;
        show(true);
        saved();
      } catch (error) {
        const { title, hint } = told(error);
        words.textContent = `${title} ${hint}`;
        save.disabled = false;
      }
    }

    element.replaceChildren(
      field,
      words,
      h(
        "div",
        { class: "field-buttons" },
        save,
        h("button", { class: "button button-quiet", type: "button", on: { click: () => show(true) } }, "Cancel"),
        h("span", { class: "faint" }, "Ctrl+Enter saves, Escape leaves it as it was"),
      ),
    );
    field.focus();
  }

  return {
    element,
    update: (next) => {
      if (editing || (next === note && element.hasChildNodes())) return;
      note = next;
      show();
    },
  };
}
