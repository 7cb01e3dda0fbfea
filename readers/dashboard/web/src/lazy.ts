// Pages whose code is fetched when they are first shown: the table of runs doesn't wait for what it doesn't show.

import type { Mount } from "./router";
import { errorState, loadingState } from "./states";

/** A page that is loaded at its first use; taken down before it has come, it never shows. */
export function lazyPage(load: () => Promise<{ mount: Mount }>): Mount {
  return (root, location) => {
    let dispose: (() => void) | null = null;
    let gone = false;
    const loading = loadingState();
    root.append(loading);
    load().then(
      ({ mount }) => {
        if (gone) return;
        loading.remove();
        dispose = mount(root, location);
      },
      (error: unknown) => {
        // Mostly a page of before an upgrade, whose files the server no longer has.
        if (!gone) root.replaceChildren(errorState(error, () => window.location.reload()));
      },
    );
    return () => {
      gone = true;
      dispose?.();
    };
  };
}
