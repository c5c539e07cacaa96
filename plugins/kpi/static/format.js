// Numbers and days in the reader's own language. Amounts come as texts: a browser's numbers would round them.

const LANGUAGE = navigator.languages?.length ? [...navigator.languages] : undefined;
const SHORT_FROM = 10_000;
const digitsBehindPoint = (text) => (text.split(".")[1] || "").length;

function isCurrency(unit) {
  return /^[A-Z]{3}$/.test(unit);
}

function style(measure) {
  if (measure.format === "percent") return { style: "percent", maximumFractionDigits: 1 };
  if (measure.format === "money" && isCurrency(measure.unit))
    return { style: "currency", currency: measure.unit, currencyDisplay: "narrowSymbol" };
  return {};
}

/** The whole value. */
export function exact(text, measure) {
  if (text === null) return "no value";
  const digits = Math.min(digitsBehindPoint(text), 4);
  const options = { ...style(measure), minimumFractionDigits: 0, maximumFractionDigits: digits };
  const number = new Intl.NumberFormat(LANGUAGE, options).format(text);
  return measure.unit && measure.format !== "money" ? `${number} ${measure.unit}` : number;
}

/** As few digits as show the value at a glance. */
export function short(text, measure) {
  if (text === null) return "–";
  const number = Number(text);
  const large = Math.abs(number) >= SHORT_FROM;
  const options = large
    ? { ...style(measure), notation: "compact", minimumFractionDigits: 0, maximumSignificantDigits: 3 }
    : { ...style(measure), minimumFractionDigits: 0, maximumFractionDigits: Math.abs(number) < 100 && !Number.isInteger(number) ? 2 : 0 };
  return new Intl.NumberFormat(LANGUAGE, options).format(number);
}

/** How many there are of something. */
export function count(number) {
  return new Intl.NumberFormat(LANGUAGE).format(number);
}

export function percent(share, digits = 1) {
  const options = { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits };
  return new Intl.NumberFormat(LANGUAGE, options).format(share);
}

/** The change from one value to another as a fraction; null where there is nothing to compare. */
export function change(now, before) {
  if (now === null || before === null || Number(before) === 0) return null;
  return (Number(now) - Number(before)) / Math.abs(Number(before));
}

export function changeText(fraction) {
  if (fraction === null) return "–";
  const digits = Math.abs(fraction) >= 1 ? 0 : 1;
  const options = { style: "percent", signDisplay: "exceptZero", minimumFractionDigits: digits, maximumFractionDigits: digits };
  return new Intl.NumberFormat(LANGUAGE, options).format(fraction);
}

const asDate = (iso) => new Date(`${iso}T00:00:00Z`);
const formatted = (iso, options) => new Intl.DateTimeFormat(LANGUAGE, { timeZone: "UTC", ...options }).format(asDate(iso));

export function day(iso) {
  return formatted(iso, { day: "numeric", month: "short", year: "numeric" });
}

export function month(iso) {
  return formatted(iso, { month: "short", year: "numeric" });
}

export function instant(iso) {
  return new Intl.DateTimeFormat(LANGUAGE, { dateStyle: "medium", timeStyle: "short" }).format(new Date(iso));
}

function isMonthEnd(iso) {
  const next = asDate(iso);
  next.setUTCDate(next.getUTCDate() + 1);
  return next.getUTCDate() === 1;
}

/** The days of a point of time that begins on a day, as far as they are in a period. */
export function bucket(iso, grain, within) {
  const end = asDate(iso);
  if (grain === "year") end.setUTCFullYear(end.getUTCFullYear() + 1);
  else if (grain === "month") end.setUTCMonth(end.getUTCMonth() + 1);
  else end.setUTCDate(end.getUTCDate() + (grain === "week" ? 7 : 1));
  end.setUTCDate(end.getUTCDate() - 1);
  const last = end.toISOString().slice(0, 10);
  return { from: iso > within.from ? iso : within.from, to: last < within.to ? last : within.to };
}

/** A period as people say it: a year, a month, some months, or two days. */
export function period({ from, to }) {
  const whole = from.endsWith("-01") && isMonthEnd(to);
  if (whole && from.slice(5, 7) === "01" && to.slice(5, 7) === "12")
    return from.slice(0, 4) === to.slice(0, 4) ? from.slice(0, 4) : `${from.slice(0, 4)}–${to.slice(0, 4)}`;
  if (from === to) return day(from);
  const options = whole ? { month: "short", year: "numeric" } : { day: "numeric", month: "short", year: "numeric" };
  const format = new Intl.DateTimeFormat(LANGUAGE, { timeZone: "UTC", ...options });
  return whole && from.slice(0, 7) === to.slice(0, 7) ? format.format(asDate(from)) : format.formatRange(asDate(from), asDate(to));
}

/** A point of a trend below its axis. */
export function tick(point, grain) {
  if (grain === "year") return point.from.slice(0, 4);
  if (grain === "month") return formatted(point.from, { month: "short", year: "2-digit" });
  return formatted(point.from, { day: "numeric", month: "short" });
}
