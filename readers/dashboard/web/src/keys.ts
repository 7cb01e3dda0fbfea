// Keys: every page binds its own while it is shown; the help overlay (?) lists what is bound now.

export interface Binding {
  /** As KeyboardEvent.key: "j", "Enter", "Escape", "/", "?"; a sequence with a space: "g r". */
  key: string;
  /** What it does, for the help: "next run". */
  what: string;
  /** Returns false to say "not mine now": the next binding, or the browser, gets it. */
  run: (event: KeyboardEvent) => boolean | void;
  /** Also while a text field has the focus (Escape, mostly). */
  inFields?: boolean;
}

export interface Scope {
  title: string;
  bindings: readonly Binding[];
}

const scopes: Scope[] = [];
let first = "";
let firstAt = 0;

/** Binds until the returned function is called; the scope bound last is asked first. */
export function bindKeys(title: string, bindings: readonly Binding[]): () => void {
  const scope = { title, bindings };
  scopes.push(scope);
  return () => {
    const at = scopes.indexOf(scope);
    if (at >= 0) scopes.splice(at, 1);
  };
}

export function boundKeys(): readonly Scope[] {
  return scopes;
}

export function listenToKeys(): void {
  document.addEventListener("keydown", onKey);
}

function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]")) return; // what is under a dialog rests
  const typing = inField(event.target);
  const sequence = !typing && first && event.timeStamp - firstAt < 1200 ? `${first} ${event.key}` : "";
  first = typing ? "" : event.key;
  firstAt = event.timeStamp;
  if (sequence && offer(sequence, event, typing)) first = "";
  else offer(event.key, event, typing);
}

function offer(key: string, event: KeyboardEvent, typing: boolean): boolean {
  for (const scope of [...scopes].reverse()) {
    for (const binding of scope.bindings) {
      if (binding.key !== key || (typing && !binding.inFields)) continue;
      if (binding.run(event) === false) continue;
      event.preventDefault();
      return true;
    }
  }
  return false;
}

function inField(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !["checkbox", "radio", "button", "range"].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target.isContentEditable;
}
