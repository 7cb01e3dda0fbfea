// What a file holds, as far as a page can show it: pictures, text, tables, JSON. Hostile contents stay text and pixels.

import type { Artifact, Preview } from "../answers";
import { artifactAddress, getPreview } from "../api";
import { fill, h, type Child } from "../dom";
import { formatBytes, formatTime } from "../format";
import { Latest } from "../latest";
import { emptyState, errorState, loadingState } from "../states";
import { copyButton } from "./copybutton";
import { jsonTree } from "./jsontree";
import { safeCut, scrolledText } from "./longtext";
import { previewTable } from "./previewtable";

export interface PreviewPane {
  readonly element: HTMLElement;
  show(artifact: Artifact): void;
  missing(path: string): void;
  shown(): Artifact | null;
  /** Brings it into view where it lies below the list (phones). */
  reveal(): void;
  dispose(): void;
}

export function previewPane(runId: string): PreviewPane {
  const element = h("div", { class: "preview", "aria-live": "polite" });
  let artifact: Artifact | null = null;
  const latest = new Latest();

  function show(next: Artifact): void {
    if (artifact !== null && artifact.index === next.index && artifact.time === next.time) return;
    artifact = next;
    const signal = latest.begin();
    const body = h("div", { class: "preview-body" }, loadingState("Loading the file"));
    fill(element, headOf(runId, next), body);
    void ask(next, body, signal);
  }

  async function ask(asked: Artifact, body: HTMLElement, signal: AbortSignal): Promise<void> {
    if (!asked.previewable) {
      fill(body, nothingToSee(asked));
      return;
    }
    try {
      const answer = await getPreview(runId, asked.index, signal);
      if (!signal.aborted) fill(body, previewView(runId, asked, answer));
    } catch (error) {
      if (!signal.aborted) fill(body, errorState(error, () => { artifact = null; show(asked); }));
    }
  }

  return {
    element,
    show,
    shown: () => artifact,
    missing: (path) => {
      artifact = null;
      fill(element, path === "" ? emptyState("Choose a file to see it") : emptyState("No such file in this run", safeCut(path, 300)));
    },
    reveal: () => {
      if (element.getBoundingClientRect().top > window.innerHeight * 0.7) element.scrollIntoView({ block: "start" });
    },
    dispose: () => latest.giveUp(),
  };
}

function headOf(runId: string, artifact: Artifact): HTMLElement {
  const parts = [formatBytes(artifact.size), artifact.media_type, formatTime(Date.parse(artifact.time))].filter((text) => text !== "");
  return h(
    "div",
    { class: "preview-head" },
    h("div", { class: "preview-name" }, h("h3", null, safeCut(artifact.path, 500)), h("p", { class: "faint" }, parts.join(" · "), copyButton(artifact.path, "the path"))),
    h("a", { class: "button", href: artifactAddress(runId, artifact.index, true), download: artifact.path.split("/").pop() ?? "" }, "Download"),
  );
}

function previewView(runId: string, artifact: Artifact, preview: Preview): Child {
  if (preview.kind === "image") return picture(runId, artifact);
  if (preview.kind === "text") return [textView(preview.text), cutWords(preview.truncated)];
  if (preview.kind === "table") return previewTable(preview);
  if (preview.kind === "json") return [jsonView(preview), cutWords(preview.truncated)];
  return nothingToSee(artifact, preview.words);
}

function jsonView(preview: Preview & { kind: "json" }): HTMLElement {
  if (preview.value !== undefined) return jsonTree(preview.value);
  const text = preview.text ?? "";
  try {
    return jsonTree(JSON.parse(text));
  } catch {
    return textView(text); // cut, or no JSON after all: readable as it is
  }
}

function picture(runId: string, artifact: Artifact): HTMLElement {
  const frame = h("div", { class: "picture" });
  const image = h("img", { alt: `The picture ${safeCut(artifact.path, 200)}`, src: artifactAddress(runId, artifact.index), decoding: "async" });
  image.addEventListener("error", () => fill(frame, emptyState("The browser can't show this picture", "Its bytes may be damaged; download it to look.")));
  frame.append(image);
  return frame;
}

function textView(text: string): HTMLElement {
  return text === "" ? emptyState("The file is empty") : h("div", { class: "preview-text" }, scrolledText(text, "the file's text"));
}

function cutWords(truncated: unknown): Child {
  return Boolean(truncated) && h("p", { class: "faint preview-cut" }, "Only the beginning is shown; the download has all of it.");
}

function nothingToSee(artifact: Artifact, words?: string): HTMLElement {
  return emptyState("No preview", words ?? `A file of type ${artifact.media_type || "unknown"} can't be shown here. Download it to look.`);
}
