// Parts of time, as `group_by` cuts them: all in UTC, a week begins on Monday.

const DAYS = { year: 365.2425, month: 30.44, week: 7, day: 1, hour: 1 / 24 };
const POINTS = 400;
const DAY = 86_400_000;

/** The finest part that makes a chart which can be read; the coarsest when none does. */
export function bestPart(least, greatest, parts) {
  const days = least === null ? 0 : (Date.parse(greatest) - Date.parse(least)) / DAY;
  const fine = parts.toSorted((one, other) => DAYS[one] - DAYS[other]);
  return fine.find((part) => days / DAYS[part] <= POINTS) ?? fine.at(-1);
}

/** The beginning of the next one. */
export function following(start, part) {
  const date = new Date(start);
  if (part === "year") date.setUTCFullYear(date.getUTCFullYear() + 1);
  else if (part === "month") date.setUTCMonth(date.getUTCMonth() + 1);
  else date.setTime(date.getTime() + DAYS[part] * DAY);
  return date;
}

/** The changes that leave only what lies in it. */
export function within(column, start, part) {
  const name = column.name;
  const end = following(start, part);
  if (column.type === "timestamp") return { [`${name}__gte`]: seconds(new Date(start)), [`${name}__lte`]: null, [`${name}__lt`]: seconds(end) };
  return { [`${name}__gte`]: day(new Date(start)), [`${name}__lte`]: day(new Date(end.getTime() - DAY)), [`${name}__lt`]: null };
}

/** Its name for people. */
export function partText(start, part) {
  const date = new Date(start);
  if (part === "hour") return `${day(date)} ${date.toISOString().slice(11, 16)}`;
  if (part === "week") return `week of ${day(date)}`;
  return day(date).slice(0, { year: 4, month: 7 }[part] ?? 10);
}

const day = (date) => date.toISOString().slice(0, 10);
const seconds = (date) => `${date.toISOString().slice(0, 19)}Z`;
