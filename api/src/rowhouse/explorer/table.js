// The rows, a page of them.

import { h, refill } from "./dom.js";
import { changed, writeState } from "./state.js";
import { isNumber, kind, show } from "./values.js";

/** The table of one dataset; `go` shows another state, `open` one row. */
export class Table {
  constructor(dataset, go, open) {
    Object.assign(this, { dataset, go, open });
    this.head = h("thead");
    this.body = h("tbody");
    const table = h("table", {}, h("caption", { class: "unseen" }, `Rows of ${dataset.title}`), this.head, this.body);
    this.element = h("div", { class: "scroll", role: "region", "aria-label": "Rows", tabindex: "0" }, table);
  }

  draw(state, rows) {
    const names = rows.length ? Object.keys(rows[0]) : this.dataset.columns.map((column) => column.name);
    const columns = this.dataset.columns.filter((column) => names.includes(column.name));
    refill(this.head, h("tr", {}, columns.map((column) => this.header(column, state))));
    refill(this.body, rows.map((row) => this.row(row, columns, state)));
    this.element.scrollTop = 0;
  }

  header(column, state) {
    const order = state.parameters.get("sort") ?? this.dataset.key;
    const [first] = order.split(",");
    const isSorted = first.replace(/^-/, "") === column.name;
    const isDown = first.startsWith("-");
    const label = [h("span", { class: "name" }, column.name), h("span", { class: "kind" }, kind(column))];
    const arrow = h("span", { class: "arrow", "aria-hidden": "true" }, isSorted ? (isDown ? "↓" : "↑") : "");
    const sort = isSorted && !isDown ? `-${column.name}` : column.name;
    const button = () =>
      h("button", { type: "button", "data-key": `sort ${column.name}`, onclick: () => this.go(changed(state, { sort: sort === this.dataset.key ? null : sort })) }, label, arrow);
    return h(
      "th",
      {
        scope: "col",
        class: isNumber(column) ? "number" : null,
        "aria-sort": isSorted ? (isDown ? "descending" : "ascending") : null,
        title: column.description || null,
      },
      column.operators.length ? button() : h("div", { class: "still" }, label),
    );
  }

  row(row, columns, state) {
    const key = row[this.dataset.key];
    const href = key === undefined ? null : writeState({ ...state, key: String(key) });
    // A click anywhere on a row opens it, but for one that ends a selection of text, or wants another tab.
    const open = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || !getSelection().isCollapsed) return;
      event.preventDefault();
      this.open(String(key));
    };
    return h("tr", { onclick: href && open, class: href && "open" }, columns.map((column) => this.cell(row[column.name], column, href)));
  }

  cell(value, column, href) {
    const shown = show(value, column.type);
    const name = [isNumber(column) && "number", column.type === "json" && "json"].filter(Boolean).join(" ") || null;
    if (column.name === this.dataset.key && href) return h("td", { class: name }, h("a", { href, "data-key": `row ${value}` }, shown));
    return h("td", { class: name, title: column.type === "json" || column.type === "text" ? clip(shown) : null }, shown);
  }
}

/** As much of a text as fits into a hint. */
function clip(shown) {
  return typeof shown === "string" && shown.length > 24 ? shown.slice(0, 500) : null;
}
