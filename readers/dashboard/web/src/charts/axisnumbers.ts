// The words at the axes.

import { formatNumber } from "../format";

/** Seconds that make good ticks of a duration. */
export const DURATION_STEPS = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800,
  432000, 864000, 1728000, 4320000, 8640000,
];

/** As many digits as tell neighbouring ticks apart: 0.9312, 12k, 1.5M, 1e-7. On a log axis there is no step: 0. */
export function tickNumber(value: number, step: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e15 || size < 1e-5) return formatNumber(value, digitsFor(value, step));
  for (const [unit, letter] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]] as const) {
    if (size >= unit && size >= 10_000) return (step > 0 ? fixed(value / unit, step / unit) : formatNumber(value / unit, 3)) + letter;
  }
  return step > 0 ? fixed(value, step) : formatNumber(value, 3);
}

const DAY_MS = 86_400_000;
const pad = (value: number, width = 2): string => String(value).padStart(width, "0");

/** The reader's own clock: hours and minutes, as fine as ticks need it; the day below the first and where it changes. */
export function tickTimes(times: readonly (number | null)[], step: number): (string | null)[] {
  let before = "";
  return times.map((time) => {
    if (time === null) return null;
    const d = new Date(time);
    const day = d.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
    const month = d.toLocaleDateString("en-GB", { month: "short", year: "numeric" });
    const [upper, lower] = step >= 28 * DAY_MS ? [month, ""] : step >= DAY_MS ? [day, String(d.getFullYear())] : [clock(d, step), day];
    const shown = lower !== "" && lower !== before ? `${upper}\n${lower}` : upper;
    before = lower;
    return shown;
  });
}

function clock(d: Date, step: number): string {
  const minutes = `${pad(d.getHours())}:${pad(d.getMinutes())}`;
  if (step >= 60_000) return minutes;
  const seconds = `${minutes}:${pad(d.getSeconds())}`;
  return step >= 1000 ? seconds : `${seconds.slice(3)}.${pad(d.getMilliseconds(), 3)}`;
}

/** 90 s reads 1m 30s; ticks are whole seconds from one second on. */
export function tickDuration(seconds: number): string {
  if (seconds === 0) return "0";
  const size = Math.abs(seconds);
  const sign = seconds < 0 ? "−" : "";
  if (size < 1) return `${sign}${Number((size * 1000).toPrecision(4))}ms`;
  const [days, hours, minutes] = [Math.floor(size / 86_400), Math.floor(size / 3600) % 24, Math.floor(size / 60) % 60];
  const rest = Number((size % 60).toPrecision(6));
  const parts = [days > 0 && `${days}d`, hours > 0 && `${hours}h`, minutes > 0 && `${minutes}m`, rest > 0 && `${rest}s`].filter((part) => part !== false);
  return sign + parts.slice(0, 2).join(" ");
}

function fixed(value: number, step: number): string {
  const places = Math.max(0, Math.min(12, -Math.floor(Math.log10(step * 1.0000001))));
  const exact = Math.abs(step * 10 ** places - Math.round(step * 10 ** places)) > 1e-6 ? places + 1 : places;
  return Number(value.toFixed(exact)) === 0 ? "0" : value.toFixed(exact).replace("-", "−");
}

function digitsFor(value: number, step: number): number {
  return step > 0 ? Math.max(1, Math.min(8, Math.floor(Math.log10(Math.abs(value) / step)) + 2)) : 3;
}
