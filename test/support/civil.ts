/**
 * Civil time by hand, in whole seconds: a second calculation that shares nothing with Temporal's, so that the two may be
 * held against each other. Zones come from Intl, one formatted wall clock at a time.
 */
export const DAY_S = 86_400;

/** Days from 1970-01-01 to a date of the Gregorian calendar. Years begin in March here, so that leap days come last. */
export const daysFromCivil = (year: number, month: number, day: number): number => {
  const marchYear = month <= 2 ? year - 1 : year;
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
};

export type Civil = { readonly year: number; readonly month: number; readonly day: number };
export const civilFromDays = (days: number): Civil => {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  const day = dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
};

const isLeap = (year: number): boolean => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
export const daysInMonth = (year: number, month: number): number =>
  month === 2 ? (isLeap(year) ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;

/** The same day of the month, `months` later; the last day of a month that is too short for it. */
export const plusMonths = (days: number, months: number): number => {
  const { year, month, day } = civilFromDays(days);
  const index = year * 12 + (month - 1) + months;
  const [toYear, toMonth] = [Math.floor(index / 12), (index % 12) + 1];
  return daysFromCivil(toYear, toMonth, Math.min(day, daysInMonth(toYear, toMonth)));
};

const two = (n: number): string => String(n).padStart(2, "0");
/** Seconds of a wall clock, counted as if it stood in UTC, as in "2026-01-31T10:00:00". */
export const wallText = (wall: number): string => {
  const days = Math.floor(wall / DAY_S);
  const { year, month, day } = civilFromDays(days);
  const rest = wall - days * DAY_S;
  const clock = [Math.floor(rest / 3600), Math.floor(rest / 60) % 60, rest % 60].map(two).join(":");
  return `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}T${clock}`;
};

/** A zone between two instants: its offsets from UTC, and for each the wall clock at which it begins and ends. */
export type ZoneTable = {
  readonly name: string;
  /** When each offset begins to hold. */
  readonly begins: readonly number[];
  readonly offsets: readonly number[];
  readonly wallEnds: readonly number[];
};

/** No zone of these years changes its clocks twice within so short a time. */
const STEP_S = 4 * DAY_S;

export const zoneTable = (name: string, from: number, to: number): ZoneTable => {
  const offset = offsetsOf(name);
  const begins = [from];
  const offsets = [offset(from)];
  for (let at = from; at < to; at += STEP_S) {
    if (offset(at + STEP_S) === offsets.at(-1)) continue;
    let [still, changed] = [at, at + STEP_S];
    while (changed - still > 1) {
      const middle = Math.floor((still + changed) / 2);
      if (offset(middle) === offsets.at(-1)) still = middle;
      else changed = middle;
    }
    begins.push(changed);
    offsets.push(offset(changed));
  }
  const wallEnds = offsets.map((held, i) => (begins[i + 1] ?? Number.POSITIVE_INFINITY) + held);
  return { name, begins, offsets, wallEnds };
};

const offsetsOf = (timeZone: string): ((at: number) => number) => {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    calendar: "gregory",
    numberingSystem: "latn",
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  return (at) => {
    const parts = new Map(format.formatToParts(at * 1000).map(({ type, value }) => [type, Number(value)]));
    const read = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? Number.NaN;
    const days = daysFromCivil(read("year"), read("month"), read("day"));
    return days * DAY_S + read("hour") * 3600 + read("minute") * 60 + read("second") - at;
  };
};

/** The first place whose value is above `wanted`, in a list that rises. */
const firstAbove = (rising: readonly number[], wanted: number): number => {
  let [low, high] = [0, rising.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rising[middle] ?? 0) > wanted) high = middle;
    else low = middle + 1;
  }
  return low;
};

/** What the clock on the wall shows at an instant. */
export const wallAt = ({ begins, offsets }: ZoneTable, at: number): number =>
  at + (offsets[Math.max(firstAbove(begins, at) - 1, 0)] ?? 0);

/** The instant of a wall clock. One that comes twice is the first; one that is skipped is counted by the offset before. */
export const instantAt = ({ begins, offsets, wallEnds }: ZoneTable, wall: number): number => {
  const i = firstAbove(wallEnds, wall);
  const skipped = i > 0 && wall < (begins[i] ?? 0) + (offsets[i] ?? 0);
  return wall - (offsets[skipped ? i - 1 : i] ?? 0);
};

/** How often a wall clock is shown: never in a gap, twice in a fold. */
export const timesShown = ({ begins, offsets, wallEnds }: ZoneTable, wall: number): 0 | 1 | 2 => {
  const i = firstAbove(wallEnds, wall);
  const [here, next] = [i, i + 1].map((at) => wall >= (begins[at] ?? Number.POSITIVE_INFINITY) + (offsets[at] ?? 0));
  return next ? 2 : here || i === 0 ? 1 : 0;
};

/** The first instant of a local day: its 00:00, or the end of the gap in which that falls. */
export const dayStart = (zone: ZoneTable, days: number): number => {
  const wall = days * DAY_S;
  const i = firstAbove(zone.wallEnds, wall);
  return Math.max(wall - (zone.offsets[i] ?? 0), i === 0 ? Number.NEGATIVE_INFINITY : (zone.begins[i] ?? 0));
};
