// How values, columns and filters are written for people.

import { h } from "./dom.js";
import { partsOf } from "./state.js";

const NUMBERS = ["integer", "number"];
const TIMES = ["date", "timestamp"];
const WORDS = { avg: "Mean", sum: "Sum of", min: "Lowest", max: "Highest", count: "Number of rows" };
const SIGNS = { eq: "=", ne: "≠", lt: "<", lte: "≤", gt: ">", gte: "≥", in: "in", contains: "contains", startswith: "begins with" };
const whole = new Intl.NumberFormat("en");
const rounded = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });

export const isNumber = (column) => NUMBERS.includes(column.type);
export const isTime = (column) => TIMES.includes(column.type);
export const isRange = (column) => isNumber(column) || isTime(column);

/** A number of things, with its thousands apart. */
export const count = (number) => whole.format(number);

/** A measured number, as short as it can be understood. */
export const short = (number) => rounded.format(number);

/** The text of a value that is not null: numbers with all of their digits. */
export function text(value, type) {
  if (type === "json") return json(value);
  if (type === "timestamp") return value.replace("T", " ").replace(/(\.\d+?)0*Z$/, "$1").replace(/Z$/, "");
  return value === "" ? "(empty)" : String(value);
}

/** JSON, with the digits of whole numbers that JavaScript has no numbers for. */
export function json(value, indent) {
  const digits = (item) => JSON.rawJSON?.(String(item)) ?? Number(item);
  return JSON.stringify(value, (_, item) => (typeof item === "bigint" ? digits(item) : item), indent);
}

/** A value as a child of an element. */
export function show(value, type) {
  if (value === null) return h("span", { class: "null", title: "null" }, h("span", { "aria-hidden": "true" }, "–"), h("span", { class: "unseen" }, "null"));
  return text(value, type);
}

/** What stands below a column's name. */
export function kind(column) {
  const parts = [column.type === "timestamp" ? "time, UTC" : column.type];
  if (column.unit) parts.push(column.unit);
  return parts.join(" · ");
}

/** A measure such as avg.pm10, in words. */
export function measureText(measure, columns) {
  const [name, ...rest] = measure.split(".");
  if (!rest.length) return WORDS.count;
  const column = columns.find((item) => item.name === rest.join("."));
  const unit = column?.unit && name !== "count" ? ` (${column.unit})` : "";
  return `${WORDS[name] ?? name} ${rest.join(".")}${unit}`;
}

/** A filter, in words. */
export function filterText(parameter, value) {
  const { column, operator } = partsOf(parameter);
  if (operator === "isnull") return value === "true" ? `${column} is missing` : `${column} is there`;
  return `${column} ${SIGNS[operator] ?? operator} ${value === "" ? "(empty)" : value}`;
}
