// Light or dark: the system's choice until the reader makes another, which this browser then remembers.

export type Choice = "system" | "light" | "dark";

const KEY = "steplog.theme";
const system = window.matchMedia("(prefers-color-scheme: dark)");
const watchers = new Set<() => void>();

export function themeChoice(): Choice {
  const kept = stored();
  return kept === "light" || kept === "dark" ? kept : "system";
}

/** What is shown now. */
export function theme(): "light" | "dark" {
  const choice = themeChoice();
  return choice === "system" ? (system.matches ? "dark" : "light") : choice;
}

export function chooseTheme(choice: Choice): void {
  try {
    if (choice === "system") window.localStorage.removeItem(KEY);
    else window.localStorage.setItem(KEY, choice);
  } catch {
    memory = choice; // storage is refused: the choice holds for this page
  }
  applyTheme();
}

/** Called after each change, by hand or by the system: canvases must be drawn anew. Returns the way to stop that. */
export function onTheme(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

export function applyTheme(): void {
  document.documentElement.dataset["theme"] = theme();
  for (const watcher of watchers) watcher();
}

system.addEventListener("change", applyTheme);

let memory: Choice | null = null;

function stored(): string | null {
  try {
    return memory ?? window.localStorage.getItem(KEY);
  } catch {
    return memory;
  }
}
