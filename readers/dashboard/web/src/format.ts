// Numbers, times and sizes as text. All figures are short, and the same value always reads the same.

/** JSON has no NaN: these three stand for it and the infinities in every answer of the server. */
export type JsonNumber = number | "NaN" | "Infinity" | "-Infinity";

export function toNumber(value: JsonNumber | null | undefined): number {
  return value === null || value === undefined ? NaN : Number(value);
}

/**
 * A number in at most `digits` significant ones: 0.9312, 12 345, 1.2e-7, NaN, ∞.
 * `even` keeps noughts at the end (0.8550), so that a column of measured values is even.
 */
export function formatNumber(value: number, digits = 4, even = false): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e9 || size < 1e-4) return exponent(value, digits);
  if (Number.isInteger(value)) return grouped(value);
  const places = Math.max(0, Math.min(12, digits - 1 - Math.floor(Math.log10(size))));
  const text = even ? value.toFixed(places) : trimmed(value.toFixed(places));
  return (size >= 10_000 ? grouped(Number(text)) : text).replace("-", "−");
}

/** All digits of a number, for a title or a copy. */
export function exactNumber(value: number): string {
  return Number.isFinite(value) ? String(value) : formatNumber(value);
}

export function formatCount(value: number): string {
  return grouped(Math.round(value));
}

/** 850 ms, 12.4 s, 3m 20s, 2h 05m, 4d 3h. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 0) return `−${formatDuration(-seconds)}`;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${pad(whole % 60)}s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)}h ${pad(Math.floor((whole % 3600) / 60))}m`;
  return `${Math.floor(whole / 86_400)}d ${Math.floor((whole % 86_400) / 3600)}h`;
}

/** "just now", "5 min ago", "3 h ago", "yesterday", "12 Mar", "12 Mar 2024". */
export function formatAgo(time: number, now = Date.now()): string {
  if (!Number.isFinite(time)) return "";
  const seconds = (now - time) / 1000;
  if (seconds < -60) return formatDate(time, now);
  if (seconds < 10) return "just now";
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  if (seconds < 2 * 86_400) return "yesterday";
  if (seconds < 7 * 86_400) return `${Math.floor(seconds / 86_400)} days ago`;
  return formatDate(time, now);
}

/** The reader's own clock, to the second: 2026-11-23 14:02:11. */
export function formatTime(time: number): string {
  if (!Number.isFinite(time)) return "";
  const d = new Date(time);
  return `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())} ${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}`;
}

export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return "";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let size = bytes;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? size : size.toFixed(size < 10 ? 1 : 0)} ${units[unit]}`;
}

/** "1 run", "2 runs", "12 345 runs". */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function formatDate(time: number, now: number): string {
  const d = new Date(time);
  const day = `${d.getDate()} ${MONTHS[d.getMonth()]}`;
  return d.getFullYear() === new Date(now).getFullYear() ? day : `${day} ${d.getFullYear()}`;
}

function exponent(value: number, digits: number): string {
  const [mantissa = "", power = ""] = value.toExponential(digits - 1).split("e");
  return `${trimmed(mantissa)}e${power.replace("+", "")}`.replace("-", "−").replace("e-", "e−");
}

function trimmed(text: string): string {
  return text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text;
}

/** Thousands apart by a thin space, from 10 000 on: years and four-digit sizes stay whole. */
function grouped(value: number): string {
  const text = String(Math.abs(value));
  const [whole = "", rest] = text.split(".");
  const spaced = whole.length > 4 ? whole.replace(/\B(?=(\d{3})+$)/g, "\u2009") : whole;
  return (value < 0 ? "−" : "") + spaced + (rest === undefined ? "" : `.${rest}`);
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}
