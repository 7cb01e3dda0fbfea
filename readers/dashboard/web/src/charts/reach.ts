// How far a run's points go: of each writer the seq of the last one. A pushed point is new exactly if it lies behind that.

export class Reach {
  private readonly since = new Map<string, number>();

  /** `answer`: as far as an answer of the server goes; writers that aren't in it have ended, or not begun. */
  constructor(private readonly answer: ReadonlyMap<string, number>) {}

  /** Whether a point is new; it is counted then. null: nothing is known of its writer. */
  take(writer: string, seq: number): boolean | null {
    const reached = this.since.get(writer) ?? this.answer.get(writer);
    if (reached === undefined) return null;
    if (seq <= reached) return false;
    this.since.set(writer, seq);
    return true;
  }
}
