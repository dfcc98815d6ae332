// The places of the selection, by Leaflet, over outlines of the countries that come along with the page.

import { Card } from "./card.js";
import { h, script } from "./dom.js";
import { changed, choose } from "./state.js";
import { count, short } from "./values.js";

const CLASSES = 5;

/** The map of one dataset; a click on a place opens its row or leaves only its rows. */
export class Places extends Card {
  constructor(dataset, go, open) {
    super("Map");
    Object.assign(this, { dataset, go, open });
    this.legend = h("p", { class: "legend" });
    this.stage.after(this.legend);
  }

  async draw(drawing) {
    await this.prepare();
    const { longitude, latitude } = this.dataset.point;
    const { rows, measure } = drawing;
    const placed = rows.filter((row) => row[longitude] !== null && row[latitude] !== null);
    const isPlain = placed.every((row) => row.count === 1);
    const places = `${count(placed.length)} ${placed.length === 1 ? "place" : "places"}`;
    this.caption(drawing, "GeoJSON", `${places}. Click one to ${isPlain ? "open its row" : "keep only its rows"}.`);
    if (!placed.length) throw new Error("Nothing to draw: no rows have a place.");
    const scale = classesOf(placed.map((row) => row[measure]));
    this.points.clearLayers();
    // The great ones last, above the others.
    for (const row of placed.toSorted((one, other) => (one[measure] ?? -Infinity) - (other[measure] ?? -Infinity))) {
      const marker = window.L.circleMarker([row[latitude], row[longitude]], {
        radius: placed.length > 400 ? 4 : 6.5,
        className: `place class-${scale.of(row[measure])}`,
      });
      marker.bindTooltip(() => this.tip(row, drawing)).on("click", () => this.keep(row, drawing));
      this.points.addLayer(marker);
      // Chromium would make each a stop of the Tab key; the rows are in the table too.
      marker.getElement().setAttribute("tabindex", "-1");
    }
    this.drawLegend(scale);
    this.look();
  }

  /** Make the map, once. */
  async prepare() {
    if (this.map) return;
    if (!document.querySelector("link[data-leaflet]")) {
      const href = new URL("leaflet.css", import.meta.url).href;
      document.head.prepend(h("link", { rel: "stylesheet", href, "data-leaflet": true }));
    }
    const [outlines] = await Promise.all([outline(), script("leaflet.js")]);
    if (this.map) return;
    const { L } = window;
    this.stage.hidden = false;
    // A page must be scrolled over it by wheel and by finger; buttons, two fingers and keys move the map.
    this.map = L.map(this.stage, { scrollWheelZoom: false, dragging: !L.Browser.mobile, zoomSnap: 0.5, maxZoom: 12, zoomAnimation: false, fadeAnimation: false, inertia: false });
    this.map.attributionControl.setPrefix(false).addAttribution("Borders: Natural Earth");
    this.map.setView([20, 0], 1);
    L.geoJSON(outlines, { interactive: false, style: { className: "land" } }).addTo(this.map);
    L.control.scale({ imperial: false }).addTo(this.map);
    this.points = L.featureGroup().addTo(this.map);
  }

  /** Bring the places into sight, unless they are. */
  look() {
    this.map.invalidateSize();
    const bounds = this.points.getBounds();
    if (!bounds.isValid() || (this.hasLooked && this.map.getBounds().contains(bounds))) return;
    this.map.fitBounds(bounds.pad(0.1), { maxZoom: bounds.getNorthEast().equals(bounds.getSouthWest()) ? 8 : 12 });
    this.hasLooked = true;
  }

  /** What all rows of a place have in common. */
  common(row, { labels }) {
    return labels.filter(({ name }) => row[`min.${name}`] !== null && row[`min.${name}`] === row[`max.${name}`]).map(({ name }) => [name, row[`min.${name}`]]);
  }

  tip(row, drawing) {
    const { measure } = drawing;
    const lines = this.common(row, drawing).map(([name, value]) => h("div", {}, h("span", {}, `${name} `), h("strong", {}, String(value))));
    const value = measure !== "count" && h("div", {}, h("span", {}, `${measure} `), h("strong", {}, row[measure] === null ? "–" : short(row[measure])));
    return h("div", { class: "tip" }, lines, value, h("div", {}, `${count(row.count)} ${row.count === 1 ? "row" : "rows"}`));
  }

  keep(row, drawing) {
    const { state, labels } = drawing;
    const { key } = this.dataset;
    const common = this.common(row, drawing);
    const own = common.find(([name]) => name === key);
    if (row.count === 1 && own) this.open(String(own[1]));
    const [first] = common.filter(([name]) => name !== key);
    if (row.count > 1 && first && labels.length) this.go(changed(state, choose(first[0], [String(first[1])])));
  }

  drawLegend(scale) {
    this.legend.hidden = scale.least === scale.greatest;
    if (this.legend.hidden) return;
    const swatches = Array.from({ length: CLASSES }, (_, index) => h("span", { class: `swatch class-${index}` }));
    this.legend.replaceChildren(short(scale.least), h("span", { class: "swatches", "aria-hidden": "true" }, swatches), short(scale.greatest));
  }
}

let outlines;

function outline() {
  outlines ??= fetch(new URL("outlines.json", import.meta.url)).then((response) => response.json());
  return outlines;
}

/** Classes with as many values each, the least in 0. */
function classesOf(values) {
  const sorted = values.filter((value) => value !== null).map(Number).toSorted((one, other) => one - other);
  const [least, greatest] = [sorted[0], sorted.at(-1)];
  const bounds = Array.from({ length: CLASSES - 1 }, (_, index) => sorted[Math.floor(((index + 1) * sorted.length) / CLASSES)]);
  const of = (value) => {
    if (value === null) return "none";
    if (least === greatest) return CLASSES - 2;
    return bounds.filter((bound) => Number(value) >= bound).length;
  };
  return { least, greatest, of };
}
