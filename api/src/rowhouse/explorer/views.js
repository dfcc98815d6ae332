// Chart and map of the selection, and what is told in them.

import { ask } from "./api.js";
import { Chart } from "./chart.js";
import { h, refill } from "./dom.js";
import { Places } from "./map.js";
import { aggregatePath, changed } from "./state.js";
import { isNumber, isTime, measureText } from "./values.js";
import { bestPart } from "./times.js";

// Of at most 1,000 groups each: what can be told apart, and a bound on what is asked of the database.
const CHART_PAGES = 5;
const MAP_PAGES = 2;
const FUNCTIONS = ["avg", "min", "max", "sum"];

/** Both views of one dataset, as far as it has times and places; `go` shows another state, `open` one row. */
export class Views {
  constructor(dataset, go, open) {
    Object.assign(this, { dataset, go });
    this.times = dataset.columns.filter((column) => isTime(column) && column.parts.length);
    this.measures = measuresOf(dataset);
    this.controls = h("div", { class: "controls" });
    this.chart = this.times.length && new Chart(dataset, go);
    this.places = dataset.point && new Places(dataset, go, open);
    this.cards = [this.chart, this.places].filter(Boolean);
    this.element = h("section", { class: "views", "aria-label": "Chart and map" }, this.controls, h("div", { class: "cards" }, this.cards.map((card) => card.element)));
    this.element.hidden = !this.cards.length;
  }

  async update(state, signal) {
    if (!this.cards.length) return;
    const measure = this.measures.includes(state.parameters.get("select")) ? state.parameters.get("select") : this.measures[0];
    await Promise.all([this.chart && this.drawChart(state, measure, signal), this.places && this.drawPlaces(state, measure, signal)]);
  }

  async drawChart(state, measure, signal) {
    const asked = (state.parameters.get("group_by") ?? "").split(".");
    const column = this.times.find((item) => item.name === asked[0]) ?? this.times[0];
    await attempt(this.chart, async () => {
      const part = column.parts.includes(asked[1]) ? asked[1] : null;
      const best = part ?? (await this.bestPart(state, column, signal));
      this.drawControls(state, measure, column, part, best);
      const group = `${column.name}.${best}`;
      const parameters = { group_by: group, select: measure };
      const { rows, isAll } = await this.groups(aggregatePath(state, { ...parameters, limit: "1000" }), CHART_PAGES, signal);
      const title = `${measureText(measure, this.dataset.columns)} by ${best}`;
      const file = aggregatePath(state, parameters, { suffix: ".csv" });
      await this.chart.draw({ state, rows, isAll, title, file, column, part: best, group, measure });
    });
  }

  async drawPlaces(state, measure, signal) {
    const { longitude, latitude } = this.dataset.point;
    if (!this.chart) this.drawControls(state, measure);
    await attempt(this.places, async () => {
      const labels = this.dataset.columns.filter((column) => column.functions.includes("max") && (column.type === "text" || column.name === this.dataset.key));
      const extremes = labels.flatMap(({ name }) => [`min.${name}`, `max.${name}`]);
      const select = [...new Set(["count", measure, ...extremes])].join(",");
      const parameters = { group_by: `${longitude},${latitude}`, select, sort: "-count" };
      const { rows, isAll } = await this.groups(aggregatePath(state, { ...parameters, limit: "1000" }), MAP_PAGES, signal);
      const file = aggregatePath(state, parameters, { suffix: ".geojson" });
      await this.places.draw({ state, rows, isAll, title: `${measureText(measure, this.dataset.columns)} by place`, file, measure, labels });
    });
  }

  /** The groups of the first pages, and whether these are all. */
  async groups(path, pages, signal) {
    const rows = [];
    for (let page = 0; page < pages && path; page++) {
      const answer = await ask(path, this.dataset.name, signal);
      rows.push(...answer.data);
      path = answer.links.next;
    }
    return { rows, isAll: !path };
  }

  async bestPart(state, column, signal) {
    const [least, greatest] = ["min", "max"].map((name) => `${name}.${column.name}`);
    const path = aggregatePath(state, { select: `${least},${greatest}` });
    const [row] = (await ask(path, this.dataset.name, signal)).data;
    return bestPart(row[least], row[greatest], column.parts);
  }

  drawControls(state, measure, column, part, best) {
    const { dataset, measures, times } = this;
    const pick = (name) => (event) => this.go(changed(state, { [name]: event.target.value || null }));
    const option = (value, text, current) => h("option", { value, selected: value === current }, text);
    const select = (label, name, options) =>
      h("div", { class: "control" }, h("label", { for: `view-${name}` }, label), h("select", { id: `view-${name}`, onchange: pick(name), "data-key": name }, options));
    const parts = () => {
      const all = times.flatMap((item) => item.parts.map((name) => [`${item.name}.${name}`, times.length > 1 ? `${name} of ${item.name}` : name]));
      return [option("", `automatic (${best})`, part ? null : ""), ...all.map(([value, text]) => option(value, text, part && `${column.name}.${part}`))];
    };
    refill(
      this.controls,
      measures.length > 1 && select("Show", "select", measures.map((item) => option(item, measureText(item, dataset.columns), measure))),
      column && select("by", "group_by", parts()),
    );
  }
}

/** What can be told of groups; first what is most likely wanted. */
function measuresOf(dataset) {
  const numbers = dataset.columns.filter((column) => isNumber(column) && column.name !== dataset.key);
  const told = numbers.flatMap((column) => FUNCTIONS.filter((name) => column.functions.includes(name)).map((name) => `${name}.${column.name}`));
  return told.length ? [told[0], "count", ...told.slice(1)] : ["count"];
}

/** Draw a view, or say in its place why not. */
async function attempt(view, draw) {
  view.element.setAttribute("aria-busy", "true");
  try {
    await draw();
  } catch (error) {
    if (error.name === "AbortError") return;
    view.fail(error);
  }
  view.element.removeAttribute("aria-busy");
}
