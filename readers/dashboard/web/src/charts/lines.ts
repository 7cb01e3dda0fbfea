// What a chart draws: a run, or one rank of it, by the name of "id@rank" (no run's id has an "@").

export const lineOf = (runId: string, rank: number): string => `${runId}@${rank}`;

/** The run of a line. */
export function runOf(line: string): string {
  const at = line.lastIndexOf("@");
  return at < 0 ? line : line.slice(0, at);
}

/** The rank of a writer, which its name tells: host-pid-rank-…; 0 where it doesn't. */
export function rankOf(writer: string): number {
  const found = /^[^-]*-\d+-(\d{1,9})-/.exec(writer);
  return found ? Number(found[1]) : 0;
}

/** Given the lines drawn: the line that a pushed point of a run belongs to. */
export function belongsTo(lines: readonly string[]): (runId: string, writer: string) => string {
  const whole = new Set(lines.filter((line) => !line.includes("@")));
  return (runId, writer) => (whole.has(runId) ? runId : lineOf(runId, rankOf(writer)));
}
