// The button that asks a running run to stop. It asks first: the run's process ends its work because of it.

import { postStop } from "../api";
import { fill, h } from "../dom";
import { told } from "../states";

export interface StopButton {
  readonly element: HTMLElement;
  update(state: { running: boolean; asked: boolean }): void;
}

export function stopButton(runId: string, name: string, asked: () => void): StopButton {
  const element = h("span", { class: "stop" });
  let requested = false;

  const words = h("p", { class: "stop-words" });
  const confirm = h("button", { class: "button button-danger", type: "submit", value: "stop" }, "Stop the run");
  const dialog = h(
    "dialog",
    { class: "dialog", "aria-labelledby": "stop-title" },
    h("h2", { id: "stop-title" }, "Stop this run?"),
    h("p", { class: "dialog-text" }, h("b", { class: "cut stop-name" }, name), " is asked to stop: its code sees it at its next look at ", h("code", null, "should_stop()"), " and ends by itself. What it has logged stays."),
    words,
    h(
      "form",
      { class: "dialog-buttons", method: "dialog", on: { submit: submit } },
      h("button", { class: "button", type: "button", autofocus: true, on: { click: () => dialog.close() } }, "Keep it running"),
      confirm,
    ),
  );

  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    confirm.disabled = true;
    words.textContent = "";
    try {
      await postStop(runId);
      requested = true;
      dialog.close();
      update({ running: true, asked: true });
      asked();
    } catch (error) {
      const { title, hint } = told(error);
      words.textContent = `${title} ${hint}`;
    } finally {
      confirm.disabled = false;
    }
  }

  let drawn = "";
  function update(state: { running: boolean; asked: boolean }): void {
    const now = !state.running ? "none" : state.asked || requested ? "asked" : "running";
    if (now === drawn) return;
    drawn = now;
    if (now !== "running" && dialog.open) dialog.close();
    if (now === "running") fill(element, h("button", { class: "button button-danger", type: "button", on: { click: () => dialog.showModal() } }, "Stop run"), dialog);
    else if (now === "asked") fill(element, h("span", { class: "stop-asked", role: "status" }, "Asked to stop; it ends when its code next looks"));
    else fill(element);
  }

  return { element, update };
}
