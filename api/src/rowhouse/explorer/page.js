// The page of one dataset: puts its parts together and shows a state in all of them.

import { ask, setKey } from "./api.js";
import { Detail } from "./detail.js";
import { h, refill, say } from "./dom.js";
import { Facets } from "./facets.js";
import { Request } from "./request.js";
import { changed, choose, chosen, filtersOf, partsOf, rowsPath } from "./state.js";
import { Table } from "./table.js";
import { count, filterText } from "./values.js";
import { Views } from "./views.js";

/** The page. `go(state, trail)` shows another state; the trail holds the cursors of the pages before. */
export class Page {
  constructor(dataset, go) {
    Object.assign(this, { dataset, go });
    this.facets = new Facets(dataset, go);
    const open = (key) => this.go({ ...this.state, key }, this.trail);
    this.views = new Views(dataset, go, open);
    this.table = new Table(dataset, go, open);
    this.request = new Request(dataset);
    // Closing a row is going back, unless one came to it from elsewhere.
    this.detail = new Detail(() => (history.state?.isRow ? history.back() : this.go({ ...this.state, key: null }, this.trail)));
    this.chips = h("div", { class: "chips" });
    this.total = h("p", { class: "total" });
    this.problem = h("section", { class: "card problem", "aria-label": "Problem", hidden: true });
    this.pager = h("nav", { class: "pager", "aria-label": "Pages" });
    this.rows = h("section", { class: "card rows", "aria-label": "Table" }, h("header", {}, h("h2", {}, "Rows"), this.total), this.table.element, this.pager);
    this.element = h("div", { class: "page" }, intro(dataset), h("div", { class: this.facets.length ? "layout" : "layout plain" }, this.facets.length > 0 && this.side(), h("div", { class: "results" }, this.chips, this.problem, this.request.element, this.views.element, this.rows)), this.detail.element);
  }

  /** The filters; on a small screen behind a button. */
  side() {
    const panel = h("aside", { class: "side", "aria-label": "Filters", id: "filters" }, this.facets.element);
    const flip = () => this.toggle.setAttribute("aria-expanded", String(panel.classList.toggle("is-open")));
    this.toggle = h("button", { type: "button", class: "toggle", "aria-expanded": "false", "aria-controls": "filters", onclick: flip }, "Filters");
    return [this.toggle, panel];
  }

  /** Show a state; what is still on its way for another one ends. */
  async show(state, trail) {
    const isNew = !this.state || rowsPath(state) !== rowsPath(this.state) || !this.isWhole;
    const isOther = isNew || String([...state.parameters]) !== String([...this.state.parameters]);
    Object.assign(this, { state, trail });
    if (state.key === null) this.detail.shut();
    else this.detail.open(this.dataset, state.key);
    if (!isOther) return;
    this.abort?.abort();
    this.abort = new AbortController();
    const { signal } = this.abort;
    this.drawChips();
    this.facets.choose(state);
    this.request.draw(state);
    try {
      if (isNew) await this.load(signal);
      await Promise.all([this.facets.update(state, signal), this.views.update(state, signal)]);
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    }
  }

  async load(signal) {
    this.isWhole = false;
    this.rows.setAttribute("aria-busy", "true");
    try {
      const page = await ask(rowsPath(this.state), this.dataset.name, signal);
      this.isWhole = true;
      this.problem.hidden = true;
      this.setParts(false);
      this.draw(page);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      this.fail(error);
      signal.throwIfAborted();
      this.abort.abort();
      signal.throwIfAborted();
    }
  }

  draw({ data, meta, links }) {
    const { dataset, state, trail } = this;
    const isFiltered = filtersOf(state).length > 0;
    const all = isFiltered && dataset.rows !== null ? ` of ${count(dataset.rows)}` : "";
    const told = meta.total === null ? `${count(data.length)} rows on this page` : `${count(meta.total)}${all} rows`;
    this.total.textContent = told;
    say(told);
    this.table.draw(state, data);
    this.rows.classList.toggle("is-empty", !data.length);
    const empty = isFiltered ? "No rows match these filters." : "There are no rows yet.";
    const first = trail.length * meta.limit;
    const isCounted = meta.total !== null && (trail.length || !state.parameters.has("cursor"));
    const where = isCounted ? `${count(first + 1)}–${count(first + data.length)} of ${count(meta.total)}` : `${count(data.length)} rows`;
    refill(this.pager, h("span", { class: "where" }, data.length ? where : empty), !data.length && isFiltered && this.clear("Clear filters"), this.steps(links.next));
    this.rows.removeAttribute("aria-busy");
  }

  /** Buttons to the pages before and behind this one. */
  steps(next) {
    const { state, trail } = this;
    const cursor = state.parameters.get("cursor") ?? null;
    const at = (place) => ({ ...changed(state, {}), parameters: place === null ? changed(state, {}).parameters : new Map([...state.parameters, ["cursor", place]]) });
    const button = (name, action) => h("button", { type: "button", "data-key": name, disabled: !action, onclick: action }, name);
    if (!next && cursor === null) return [];
    const following = next && new URL(next, location.href).searchParams.get("cursor");
    const isLost = cursor !== null && !trail.length;
    return [
      isLost ? button("First page", () => this.go(at(null), [])) : button("Previous", trail.length ? () => this.go(at(trail.at(-1)), trail.slice(0, -1)) : null),
      button("Next", following ? () => this.go(at(following), isLost ? [] : [...trail, cursor]) : null),
    ];
  }

  drawChips() {
    const { state } = this;
    const filters = conditions(state);
    const remove = ({ text, changes }) => h("button", { type: "button", class: "chip", "data-key": text, "aria-label": `Remove the filter ${text}`, onclick: () => this.go(changed(state, changes)) }, h("span", {}, text), h("span", { "aria-hidden": "true" }, "×"));
    refill(this.chips, filters.map(remove), filters.length > 1 && this.clear("Clear all"));
    this.chips.hidden = !filters.length;
    if (this.toggle) this.toggle.textContent = filters.length ? `Filters (${filters.length})` : "Filters";
  }

  clear(label) {
    const nothing = Object.fromEntries(filtersOf(this.state).map(([name]) => [name, null]));
    return h("button", { type: "button", class: "quiet", "data-key": "clear", onclick: () => this.go(changed(this.state, nothing)) }, label);
  }

  /** Say what is wrong in place of the rows, and offer ways on. */
  fail(error) {
    const { state } = this;
    this.setParts(true);
    const again = h("button", { type: "button", onclick: () => this.show(state, this.trail) }, "Try again");
    const isMistaken = error.status >= 400 && error.status < 500 && ![401, 403].includes(error.status);
    const anew = h("button", { type: "button", onclick: () => this.go({ ...state, key: null, parameters: new Map() }) }, "Start anew");
    refill(
      this.problem,
      h("h2", {}, error.title ?? "Something went wrong"),
      h("p", {}, error.detail ?? error.message),
      [401, 403].includes(error.status) ? this.keyForm() : h("p", { class: "actions" }, isMistaken ? anew : null, again),
      error.request && h("p", { class: "hint" }, `Request ${error.request}`),
    );
    this.problem.hidden = false;
    say(`${error.title ?? ""} ${error.detail ?? error.message}`);
  }

  /** Ask for the key of a private dataset. */
  keyForm() {
    const input = h("input", { type: "password", autocomplete: "off", required: true, id: "key" });
    const use = (event) => {
      event.preventDefault();
      setKey(this.dataset.name, input.value);
      this.show(this.state, this.trail);
    };
    return h("form", { class: "key", onsubmit: use }, h("label", { for: "key" }, "API key"), input, h("button", {}, "Use it"), h("p", { class: "hint" }, "It stays in this page's memory, and is gone when you leave."));
  }

  setParts(areHidden) {
    this.rows.hidden = areHidden;
    this.request.element.classList.toggle("is-bare", areHidden);
    for (const part of [this.views.element, this.facets.element]) part.classList.toggle("is-off", areHidden);
  }
}

/** What holds for the rows, one by one, and the changes that take it back. */
function conditions(state) {
  return filtersOf(state).flatMap(([name, value]) => {
    const { column, operator } = partsOf(name);
    if (operator !== "in") return [{ text: filterText(name, value), changes: { [name]: null } }];
    const values = chosen(state, column);
    return values.map((one) => ({ text: filterText(column, one), changes: choose(column, values.filter((other) => other !== one)) }));
  });
}

/** What the dataset is. */
function intro({ title, description, source, rows, loaded_at: loaded, version }) {
  const facts = [
    rows !== null && ["Rows", count(rows)],
    loaded && ["Loaded", `${loaded.slice(0, 16).replace("T", " ")} UTC`],
    version !== null && ["Version", String(version)],
    source && ["Source", source],
  ];
  const pairs = facts.filter(Boolean).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)));
  return h("header", { class: "intro" }, h("h1", {}, title), description && h("p", {}, description), h("dl", { class: "facts" }, pairs));
}
