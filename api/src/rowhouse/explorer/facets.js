// The filters: what values there are, how many rows have each, and ranges.

import { ask } from "./api.js";
import { h, refill } from "./dom.js";
import { aggregatePath, changed, choose, chosen } from "./state.js";
import { count, isRange, isTime, kind, text } from "./values.js";

const FEW = 8;
const MANY = 100;
const PATIENCE = 300; // milliseconds after the last key

/** The panel of one dataset; `go` shows another state. */
export class Facets {
  constructor(dataset, go) {
    const columns = dataset.columns.filter((column) => column.operators.length && column.name !== dataset.key);
    this.facets = columns.map((column) => (isRange(column) ? new Range(dataset, column, go) : new Values(dataset, column, go)));
    this.element = h("div", { class: "facets" }, this.facets.map((facet) => facet.element));
  }

  get length() {
    return this.facets.length;
  }

  /** Show what is chosen: at once, so that it never takes away what somebody types meanwhile. */
  choose(state) {
    for (const facet of this.facets) facet.choose(state);
  }

  /** Show what the state leaves; each facet says by itself when it cannot. */
  async update(state, signal) {
    await Promise.all(this.facets.map((facet) => facet.update(state, signal)));
  }
}

/** What all facets have: name, type, and a place for what is inside. */
class Facet {
  constructor(dataset, column, go) {
    Object.assign(this, { dataset, column, go });
    const id = `facet-${column.name}`;
    this.element = h(
      "section",
      { class: "facet", "aria-labelledby": id },
      h("h2", { id, title: column.description || null }, column.name),
      h("span", { class: "kind" }, kind(column)),
    );
  }

  change(changes) {
    this.go(changed(this.state, changes));
  }

  name(operator) {
    return `${this.column.name}__${operator}`;
  }

  async ask(parameters, leftOut, signal) {
    const path = aggregatePath(this.state, parameters, { leftOut });
    return (await ask(path, this.dataset.name, signal)).data;
  }
}

/** Values with the number of rows of each. */
class Values extends Facet {
  constructor(dataset, column, go) {
    super(dataset, column, go);
    this.shown = FEW;
    this.list = h("ul", { class: "values" });
    this.more = h("button", { type: "button", class: "quiet", hidden: true, onclick: () => this.showMore() });
    this.search = column.operators.includes("contains") && h("input", {
      type: "search",
      placeholder: "Contains…",
      "aria-label": `${column.name} contains`,
      oninput: () => this.searchSoon(),
      onchange: () => this.searchNow(),
    });
    this.element.append(...[this.search, this.list, this.more].filter(Boolean));
  }

  choose(state) {
    this.state = state;
    if (this.search) this.search.value = state.parameters.get(this.name("contains")) ?? "";
  }

  async update(state, signal) {
    const { column } = this;
    const parameters = { group_by: column.name, select: "count", sort: "-count", limit: String(this.shown + 1) };
    // Of itself it leaves out what is chosen, so that one can choose more; what is searched for narrows the list too.
    const own = [column.name, this.name("in"), this.name("isnull")];
    try {
      const groups = await this.ask(parameters, own, signal);
      const shown = groups.slice(0, this.shown);
      const absent = chosen(state, column.name).filter((value) => !shown.some((group) => same(group[column.name], value)));
      const few = { group_by: column.name, select: "count", sort: "-count", ...present(choose(column.name, absent)) };
      const more = absent.length ? await this.ask(few, own, signal) : [];
      this.draw([...shown, ...more], groups.length > this.shown);
    } catch (error) {
      if (error.name !== "AbortError") refill(this.list, h("li", { class: "hint" }, "Could not be counted."));
    }
  }

  draw(groups, isLong) {
    const { column } = this;
    const picked = chosen(this.state, column.name);
    const items = groups.map((group) => ({ value: group[column.name], count: group.count }));
    // Where each row has a value of its own, counts tell nothing.
    const isUseless = isLong && !picked.length && Boolean(this.search) && items.every((item) => item.count === 1);
    const most = Math.max(...items.map((item) => item.count));
    refill(this.list, isUseless ? [] : items.length ? items.map((item) => this.item(item, picked, most)) : h("li", { class: "hint" }, "No values"));
    if (this.search) this.search.hidden = !isLong && this.shown === FEW && !this.search.value && this.search !== document.activeElement;
    this.more.hidden = isUseless || (!isLong && this.shown === FEW) || (isLong && this.shown === MANY);
    this.more.textContent = isLong ? "Show more" : "Show fewer";
  }

  item({ value, count: number }, picked, most) {
    const label = value === null ? "missing" : text(value, this.column.type);
    const bar = h("span", { class: "share", "aria-hidden": "true" });
    bar.style.setProperty("--share", number / most);
    const box = h("input", {
      type: "checkbox",
      checked: picked.some((other) => same(other, value)),
      "data-key": `value ${value}`,
      onchange: (event) => this.pick(value, event.target.checked, picked),
    });
    return h("li", {}, h("label", {}, box, h("span", { class: value === null ? "value null" : "value", title: label }, label), h("span", { class: "count" }, count(number)), bar));
  }

  pick(value, isOn, picked) {
    const single = value === null || !this.column.operators.includes("in");
    const others = picked.filter((other) => !same(other, value) && other !== null);
    const next = !isOn ? others : single ? [value] : [...others, value];
    this.change(choose(this.column.name, next.map((item) => (item === null ? null : String(item)))));
  }

  showMore() {
    this.shown = this.more.textContent === "Show fewer" ? FEW : this.shown === FEW ? 30 : MANY;
    this.update(this.state);
  }

  searchSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.searchNow(), PATIENCE);
  }

  searchNow() {
    clearTimeout(this.timer);
    const value = this.search.value || null;
    if (value !== (this.state.parameters.get(this.name("contains")) ?? null)) this.change({ [this.name("contains")]: value });
  }
}

/** From and to. */
class Range extends Facet {
  constructor(dataset, column, go) {
    super(dataset, column, go);
    const type = { date: "date", timestamp: "datetime-local" }[column.type] ?? "number";
    const input = (operator, label) =>
      h("input", {
        type,
        step: { integer: "1", number: "any", timestamp: "1" }[column.type] ?? null,
        "aria-label": `${column.name} ${label}`,
        onchange: (event) => this.change({ [this.name(operator)]: event.target.value || null }),
      });
    this.inputs = { gte: input("gte", "from"), lte: input("lte", "to") };
    this.extent = h("p", { class: "hint" });
    this.missing = h("input", { type: "checkbox", onchange: (event) => this.change({ [this.name("isnull")]: event.target.checked ? "true" : null }) });
    this.element.append(
      h("div", { class: isTime(column) ? "range times" : "range" }, isTime(column) && aside("from"), this.inputs.gte, aside("to"), this.inputs.lte),
      this.extent,
      ...(column.required ? [] : [h("label", { class: "missing" }, this.missing, "Only missing ones")]),
    );
  }

  choose(state) {
    this.state = state;
    for (const [operator, input] of Object.entries(this.inputs)) {
      input.value = (state.parameters.get(this.name(operator)) ?? "").replace(/Z$/, "");
    }
    this.missing.checked = state.parameters.get(this.name("isnull")) === "true";
  }

  async update(_state, signal) {
    const { column } = this;
    const [least, greatest] = ["min", "max"].map((name) => `${name}.${column.name}`);
    const own = column.operators.map((operator) => (operator === "eq" ? column.name : this.name(operator)));
    try {
      const [row] = await this.ask({ select: `${least},${greatest}` }, own, signal);
      this.draw(row[least], row[greatest]);
    } catch (error) {
      if (error.name !== "AbortError") this.extent.textContent = "Its range could not be found.";
    }
  }

  draw(least, greatest) {
    const { column, inputs, extent } = this;
    if (least === null) {
      extent.textContent = "No values";
      return;
    }
    const texts = [least, greatest].map((value) => text(value, column.type));
    extent.textContent = isTime(column) ? `${texts[0]} to ${texts[1]}` : "";
    if (!isTime(column)) [inputs.gte.placeholder, inputs.lte.placeholder] = texts;
    if (column.type === "date") for (const input of Object.values(inputs)) Object.assign(input, { min: least, max: greatest });
  }
}

/** The changes that set something, as parameters. */
function present(changes) {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== null));
}

function aside(word) {
  return h("span", { "aria-hidden": "true" }, word);
}

/** Values that come from the address are texts. */
function same(one, other) {
  return one === null || other === null ? one === other : String(one) === String(other);
}
