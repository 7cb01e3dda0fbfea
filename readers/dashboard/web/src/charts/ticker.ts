// When charts are drawn: by the browser's frames, what came by push at most five times a second, and never so often that
// drawing takes more than a quarter of the time. A hidden page has no frames, so nothing is drawn there.

const EVERY_MS = 200;
const REST = 3; // times as long as the last drawing took

export class Ticker {
  private readonly soon = new Set<() => void>();
  private readonly now = new Set<() => void>();
  private frame = 0;
  private timer = 0;
  private next = 0;

  /** In the next frame: something was clicked or moved. */
  draw(paint: () => void): void {
    this.now.add(paint);
    this.soon.delete(paint);
    this.ask();
  }

  /** With the next tick: something was pushed. */
  drawSoon(paint: () => void): void {
    if (this.now.has(paint)) return;
    this.soon.add(paint);
    if (this.timer !== 0 || this.frame !== 0) return;
    this.timer = window.setTimeout(() => {
      this.timer = 0;
      this.ask();
    }, Math.max(0, this.next - performance.now()));
  }

  forget(paint: () => void): void {
    this.now.delete(paint);
    this.soon.delete(paint);
  }

  private ask(): void {
    if (this.frame === 0) this.frame = requestAnimationFrame(() => this.run());
  }

  private run(): void {
    this.frame = 0;
    const began = performance.now();
    const due = [...this.now];
    this.now.clear();
    const ticks = began >= this.next;
    if (ticks) {
      due.push(...this.soon);
      this.soon.clear();
    }
    for (const paint of due) paint();
    const took = performance.now() - began;
    if (ticks) this.next = began + Math.max(EVERY_MS, REST * took);
    const [first] = this.soon;
    if (first) this.drawSoon(first);
  }
}
