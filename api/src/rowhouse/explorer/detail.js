// One row, in a dialog.

import { ask } from "./api.js";
import { h } from "./dom.js";
import { commands } from "./request.js";
import { rowPath } from "./state.js";
import { json, kind, show } from "./values.js";

/** The dialog; `leave` is called when it was closed. */
export class Detail {
  constructor(leave) {
    this.title = h("h2", { id: "detail-title" });
    this.inside = h("div", { class: "inside" });
    const close = h("button", { type: "button", class: "quiet", "aria-label": "Close", onclick: () => this.element.close() }, "Close");
    this.element = h(
      "dialog",
      { "aria-labelledby": "detail-title", onclose: () => this.isOpen && leave(), onclick: (event) => event.target === this.element && this.element.close() },
      h("header", {}, this.title, close),
      this.inside,
    );
    this.isOpen = false;
  }

  async open(dataset, key, signal) {
    const path = rowPath(dataset, key);
    this.title.textContent = `${dataset.key} ${key}`;
    this.inside.replaceChildren(h("p", { class: "hint" }, "Loading…"));
    this.isOpen = true;
    if (!this.element.open) this.element.showModal();
    try {
      const { data } = await ask(path, dataset.name, signal);
      const row = Array.isArray(data) ? data[0] : data;
      const columns = dataset.columns.filter((column) => column.name in row);
      this.inside.replaceChildren(
        h("dl", {}, columns.map((column) => item(row[column.name], column))),
        h("div", { class: "request" }, commands(path, dataset)),
      );
    } catch (error) {
      if (error.name !== "AbortError") this.inside.replaceChildren(h("p", { class: "notice" }, error.message));
    }
  }

  /** Close it because the address says so. */
  shut() {
    this.isOpen = false;
    if (this.element.open) this.element.close();
  }
}

function item(value, column) {
  const isTree = column.type === "json" && value !== null;
  return h(
    "div",
    {},
    h("dt", {}, column.name, h("span", { class: "kind" }, kind(column))),
    h("dd", {}, isTree ? h("pre", { tabindex: "0" }, json(value, 2)) : show(value, column.type), column.description && h("p", { class: "hint" }, column.description)),
  );
}
