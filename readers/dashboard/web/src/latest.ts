// The latest question of its kind: asking anew gives up the one before, whose answer nobody wants any more.

export class Latest {
  private asking: AbortController | null = null;

  /** Begins a question; its signal is aborted once another one begins, or all is given up. */
  begin(): AbortSignal {
    this.asking?.abort();
    this.asking = new AbortController();
    return this.asking.signal;
  }

  /** The question was answered, or failed. */
  end(signal: AbortSignal): void {
    if (this.asking?.signal === signal) this.asking = null;
  }

  /** Whether an answer is awaited. */
  get busy(): boolean {
    return this.asking !== null;
  }

  giveUp(): void {
    this.asking?.abort();
    this.asking = null;
  }
}
