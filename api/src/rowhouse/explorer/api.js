// Asks the API.

/** An answer that is not what was asked for: a problem as in RFC 9457, or none at all. */
export class Failure extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title);
    this.status = status;
    this.title = problem.title;
    this.detail = problem.detail ?? "";
    this.request = problem.request_id ?? "";
  }
}

// Bearer keys of private datasets. Here only, so that they are gone with the page.
const keys = new Map();

export function setKey(dataset, key) {
  keys.set(dataset, key);
}

export function hasKey(dataset) {
  return keys.has(dataset);
}

/** Ask for JSON and return what it says. */
export async function ask(path, dataset, signal) {
  const response = await request(path, dataset, signal, "application/json");
  return JSON.parse(await response.text(), exact);
}

/** Save an answer as a file, where a link would not bring the key along. */
export async function save(path, dataset, name) {
  const response = await request(path, dataset, undefined, "*/*");
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

async function request(path, dataset, signal, accept) {
  const headers = { Accept: accept };
  if (keys.has(dataset)) headers.Authorization = `Bearer ${keys.get(dataset)}`;
  let response;
  try {
    // The index has the page's own address: kept apart from it, neither is ever shown for the other.
    response = await fetch(path, { headers, signal, cache: path === "/" ? "no-store" : "default" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure(0, { title: "No answer", detail: "The server cannot be reached. Are you connected?" });
  }
  if (response.ok) return response;
  let problem = { title: `${response.status} ${response.statusText}` };
  if (response.headers.get("Content-Type")?.startsWith("application/problem+json")) problem = await response.json();
  throw new Failure(response.status, problem);
}

/** Keep whole numbers that JavaScript would round. */
function exact(_name, value, context) {
  if (typeof value !== "number" || Number.isSafeInteger(value) || !context?.source) return value;
  return /^-?\d+$/.test(context.source) ? BigInt(context.source) : value;
}
