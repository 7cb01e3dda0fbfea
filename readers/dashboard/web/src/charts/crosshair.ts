// One crosshair over all charts: where the pointer stands in one, the others show it too.

export interface CrossFollower {
  cross(x: number | null): void;
}

export class Crosshair {
  private readonly followers = new Set<CrossFollower>();
  /** The run or group that is pointed at in the legend. */
  focus: string | null = null;

  add(follower: CrossFollower): void {
    this.followers.add(follower);
  }

  remove(follower: CrossFollower): void {
    this.followers.delete(follower);
  }

  move(from: CrossFollower, x: number | null): void {
    for (const follower of this.followers) if (follower !== from) follower.cross(x);
  }
}
