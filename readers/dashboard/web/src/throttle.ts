// Something that is done when there is cause to, but not too often: causes that come meanwhile are one.

export class Throttle {
  private timer = 0;
  private lastTime = -Infinity;

  /** Once, soon: at once when the last time is `ms` ago or longer, else when it is. */
  soon(ms: number, run: () => void): void {
    if (this.timer !== 0) return;
    const wait = Math.max(0, this.lastTime + ms - performance.now());
    this.timer = window.setTimeout(() => {
      this.timer = 0;
      this.lastTime = performance.now();
      run();
    }, wait);
  }

  stop(): void {
    window.clearTimeout(this.timer);
    this.timer = 0;
  }
}
