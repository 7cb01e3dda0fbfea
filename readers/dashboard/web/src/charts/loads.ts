// The questions of many charts to the server: a few at once, the latest first, each given up when its chart is gone.

const AT_ONCE = 4; // a browser opens six connections to a server; the page's other questions need some

interface Waiting {
  run: () => Promise<void>;
  signal: AbortSignal;
}

export class Loads {
  private readonly waiting: Waiting[] = [];
  private open = 0;

  /** Asks as soon as there is room; what was asked last goes first: it is what the reader looks at. */
  ask<T>(question: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const run = (): Promise<void> => question().then(resolve, reject);
      signal.addEventListener("abort", () => reject(new DOMException("given up", "AbortError")), { once: true });
      this.waiting.push({ run, signal });
      this.start();
    });
  }

  private start(): void {
    while (this.open < AT_ONCE) {
      const next = this.waiting.pop();
      if (!next) return;
      if (next.signal.aborted) continue;
      this.open += 1;
      void next.run().finally(() => {
        this.open -= 1;
        this.start();
      });
    }
  }
}
