// The frame that chart and map share.

import { h } from "./dom.js";

/** A card with a title, a place to draw in, notes below, and the data behind it as a file. */
export class Card {
  constructor(name) {
    this.title = h("h2", {}, name);
    this.file = h("a", { class: "quiet" });
    this.stage = h("div", { class: `stage ${name.toLowerCase()}` });
    this.note = h("p", { class: "hint" });
    this.element = h("section", { class: "card view", "aria-label": name }, h("header", {}, this.title, this.file), this.stage, this.note);
  }

  /** Say what is drawn. */
  caption({ title, file, isAll, rows }, format, note = "") {
    this.title.textContent = title;
    this.file.textContent = format;
    this.file.href = file;
    this.file.setAttribute("aria-label", `${title}, as ${format}`);
    this.file.hidden = false;
    const cut = isAll ? "" : `Only ${rows.length.toLocaleString("en")} groups are drawn. `;
    this.note.textContent = cut + note;
    this.stage.hidden = false;
  }

  /** Say why nothing is drawn. */
  fail(error) {
    this.file.hidden = true;
    this.stage.hidden = true;
    this.note.textContent = error.message;
  }
}
