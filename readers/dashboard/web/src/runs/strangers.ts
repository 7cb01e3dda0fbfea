/** Tables that are fetched for a run before it counts as one of another view: a new run may be a moment behind its news. */
const TRIES = 3;

/** Runs that have news but no row: new ones, which the table is fetched for, and those that lie outside of the view. */
export class Strangers {
  private readonly tries = new Map<string, number>();
  private view = "";

  /** Whether the table is to be fetched for one of these, which a view has no row for. */
  wanted(ids: readonly string[], view = ""): boolean {
    if (view !== this.view) this.forget();
    this.view = view;
    return ids.some((id) => (this.tries.get(id) ?? 0) < TRIES);
  }

  /** The view's table is being fetched for these. */
  fetched(ids: readonly string[], view = ""): void {
    if (view !== this.view) return;
    for (const id of ids) this.tries.set(id, (this.tries.get(id) ?? 0) + 1);
  }

  /** A fetch failed: all is open again. */
  forget(): void {
    this.tries.clear();
  }
}
