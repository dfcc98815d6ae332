// What asks the API for what is shown: address, curl, files.

import { hasKey, save } from "./api.js";
import { copyButton, h, refill, say } from "./dom.js";
import { exportPath, rowsPath } from "./state.js";

const NAMES = { json: "JSON", csv: "CSV", ndjson: "NDJSON", geojson: "GeoJSON", parquet: "Parquet" };

/** Address and command of a path, each with a button that copies it. */
export function commands(path, dataset) {
  const url = new URL(path, location.href).href;
  const key = hasKey(dataset.name) ? " -H 'Authorization: Bearer YOUR_KEY'" : "";
  const line = (label, text, action) =>
    h("div", { class: "line" }, h("span", { class: "label" }, label), h("code", { tabindex: "0" }, text), copyButton(action, text));
  return [line("URL", url, "Copy URL"), line("Shell", `curl${key} '${url}'`, "Copy curl")];
}

/** The card of one dataset. */
export class Request {
  constructor(dataset) {
    this.dataset = dataset;
    this.element = h("section", { class: "card request", "aria-label": "Request" });
  }

  draw(state) {
    const { dataset } = this;
    refill(
      this.element,
      commands(rowsPath(state), dataset),
      h(
        "div",
        { class: "line downloads" },
        h("span", { class: "label" }, "Files"),
        h("span", { class: "files" }, dataset.formats.map((format) => this.download(state, format))),
        h("span", { class: "hint" }, "JSON is the first page; all others hold every row of the selection."),
      ),
    );
  }

  download(state, format) {
    const { dataset } = this;
    const path = exportPath(state, format);
    const name = `${dataset.name}.${format}`;
    const take = async (event) => {
      if (!hasKey(dataset.name)) return;
      event.preventDefault();
      say(await save(path, dataset.name, name).then(() => `${name} is saved`, (error) => error.message));
    };
    return h("a", { href: path, download: name, onclick: take, "data-key": format }, NAMES[format] ?? format);
  }
}
