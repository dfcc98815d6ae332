// What is shown, as it stands in the page's address: `#/DATASET?parameters`, or `#/DATASET/KEY?parameters`.
//
// All parameters are the API's own. `group_by` and `select` say what chart and map show. As no column may have the name
// of one of them, filters need no prefix.

const ROWS = ["fields", "sort", "limit", "cursor", "count"];
const VIEWS = ["group_by", "select"];
const OWN = [...ROWS, ...VIEWS, "format"];
const LIMIT = 50;

/** Read the address. `key` is null unless one row is shown. */
export function readState(hash) {
  const [path, query = ""] = split(hash.replace(/^#\/?/, ""), "?");
  const [dataset, key = null] = split(path, "/");
  return { dataset: decode(dataset), key: key === null ? null : decode(key), parameters: new Map(new URLSearchParams(query)) };
}

/** Write the address. */
export function writeState({ dataset, key, parameters }) {
  const path = key === null ? encode(dataset) : `${encode(dataset)}/${encode(key)}`;
  return `#/${path}${queryOf([...parameters])}`;
}

/** The same state with other parameters: null removes one. The page begins anew, as rows come and go. */
export function changed(state, changes) {
  const parameters = new Map(state.parameters);
  parameters.delete("cursor");
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === undefined) parameters.delete(name);
    else parameters.set(name, value);
  }
  return { ...state, key: null, parameters };
}

/** The filters as [parameter, value], but for those whose parameters are left out. */
export function filtersOf(state, leftOut = []) {
  return [...state.parameters].filter(([name]) => !OWN.includes(name) && !leftOut.includes(name));
}

/** What asks for the rows that are shown. */
export function rowsPath(state) {
  const filters = filtersOf(state);
  const own = ROWS.filter((name) => state.parameters.has(name)).map((name) => [name, state.parameters.get(name)]);
  const more = [["limit", String(LIMIT)]];
  if (filters.length) more.push(["count", "exact"]);
  const added = more.filter(([name]) => !state.parameters.has(name));
  return `/${encode(state.dataset)}${queryOf([...filters, ...own, ...added])}`;
}

/** What asks for all rows of the selection, as a file. */
export function exportPath(state, format) {
  const sort = state.parameters.get("sort");
  return `/${encode(state.dataset)}.${format}${queryOf([...filtersOf(state), ...(sort ? [["sort", sort]] : [])])}`;
}

/** What asks for one row. Where a path would mean something else, it is found by a filter. */
export function rowPath(dataset, key) {
  const text = String(key);
  if (/^(aggregate([./].*)?|\.{0,2})$/s.test(text)) return `/${encode(dataset.name)}${queryOf([[dataset.key, text]])}`;
  return `/${encode(dataset.name)}/${encode(text)}`;
}

/** What asks for groups. */
export function aggregatePath(state, parameters, { leftOut = [], suffix = "" } = {}) {
  const pairs = [...filtersOf(state, leftOut), ...Object.entries(parameters)];
  return `/${encode(state.dataset)}/aggregate${suffix}${queryOf(pairs)}`;
}

/** Column and operator of a filter's parameter. */
export function partsOf(parameter) {
  const [column, operator = "eq"] = split(parameter, "__");
  return { column, operator };
}

/** The values that are chosen in a column, null among them when rows without one are. */
export function chosen(state, column) {
  const { parameters } = state;
  if (parameters.get(`${column}__isnull`) === "true") return [null];
  if (parameters.has(column)) return [parameters.get(column)];
  return parameters.has(`${column}__in`) ? readList(parameters.get(`${column}__in`)) : [];
}

/** The changes that choose these values, and no others. */
export function choose(column, values) {
  const texts = values.filter((value) => value !== null);
  const only = texts.length === 1 ? texts[0] : null;
  return {
    [column]: only,
    [`${column}__in`]: texts.length > 1 ? writeList(texts) : null,
    [`${column}__isnull`]: values.includes(null) ? "true" : null,
  };
}

/** One CSV record (RFC 4180) as a list. */
function readList(text) {
  const values = [...`,${text}`.matchAll(/,(?:"((?:[^"]|"")*)"|([^,]*))/g)];
  return values.map(([, quoted, plain]) => (quoted === undefined ? plain : quoted.replaceAll('""', '"')));
}

function writeList(values) {
  return values.map((value) => (/[",\r\n]|^$/.test(value) ? `"${value.replaceAll('"', '""')}"` : value)).join(",");
}

function queryOf(pairs) {
  return pairs.length ? `?${pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).join("&")}` : "";
}

/** As in a URL, but for what may stay as it is and people like to read. Never with a quote, for the shell's sake. */
function encode(text) {
  return encodeURIComponent(text).replaceAll("%2C", ",").replaceAll("%3A", ":").replaceAll("'", "%27");
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** In two at the first separator. */
function split(text, separator) {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}
