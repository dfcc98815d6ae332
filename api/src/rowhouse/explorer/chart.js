// A line over time, by Chart.js.

import { Card } from "./card.js";
import { script } from "./dom.js";
import { changed } from "./state.js";
import { following, partText, within } from "./times.js";
import { short } from "./values.js";

const UNITS = { week: "week" };

/** The chart of one dataset; a click on a point leaves only its time. */
export class Chart extends Card {
  constructor(dataset, go) {
    super("Chart");
    Object.assign(this, { dataset, go });
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("role", "img");
    this.stage.append(this.canvas);
    addEventListener("theme", () => this.chart && this.paint());
  }

  async draw(drawing) {
    await script("chart_bundle.js");
    this.drawing = drawing;
    const { rows, measure, group, part, title } = drawing;
    const values = rows.filter((row) => row[group] !== null && row[measure] !== null);
    this.caption(drawing, "CSV", values.length ? "Click a point to keep only its time." : "");
    if (!values.length) throw new Error("Nothing to draw: no rows have both a time and a value.");
    this.points = broken(values.map((row) => ({ start: row[group], y: Number(row[measure]) })), part);
    const numbers = values.map((row) => Number(row[measure]));
    const [first, last] = [values[0], values.at(-1)].map((row) => partText(row[group], part));
    this.canvas.setAttribute(
      "aria-label",
      `${title}, ${first} to ${last}: ${values.length} points from ${short(Math.min(...numbers))} to ${short(Math.max(...numbers))}`,
    );
    this.paint();
  }

  paint() {
    const { part } = this.drawing;
    const style = getComputedStyle(this.element);
    const colour = (name) => style.getPropertyValue(`--chart-${name}`);
    this.chart?.destroy();
    const ticks = { color: colour("text"), font: { family: style.fontFamily, size: 11 }, maxRotation: 0 };
    this.chart = new window.Chart(this.canvas, {
      type: "line",
      data: {
        datasets: [
          {
            data: this.points.map(({ start, y }) => ({ x: asLocal(start), y })),
            borderColor: colour("line"),
            backgroundColor: colour("line"),
            borderWidth: 1.75,
            pointRadius: this.points.length > 60 ? 0 : 2.5,
            pointHoverRadius: 5,
            pointHitRadius: 12,
          },
        ],
      },
      options: {
        animation: false,
        maintainAspectRatio: false,
        interaction: { mode: "nearest", axis: "x", intersect: false },
        onClick: (_event, [hit]) => hit && this.keep(this.points[hit.index]),
        scales: {
          x: { type: "time", time: { minUnit: UNITS[part] ?? part }, grid: { display: false }, border: { color: colour("grid") }, ticks: { ...ticks, autoSkipPadding: 24 } },
          y: { grid: { color: colour("grid") }, border: { display: false }, ticks: { ...ticks, maxTicksLimit: 6 } },
        },
        plugins: {
          legend: { display: false },
          tooltip: {
            displayColors: false,
            callbacks: {
              title: ([item]) => partText(this.points[item.dataIndex].start, part),
              label: (item) => short(item.parsed.y),
            },
          },
        },
      },
    });
  }

  keep({ start }) {
    const { state, column, part } = this.drawing;
    this.go(changed(state, { ...within(column, start, part), group_by: null }));
  }
}

/** Put a hole where times are missing, so that no line leads across. */
function broken(points, part) {
  return points.flatMap((point, index) => {
    const before = points[index - 1];
    const next = before && following(before.start, part);
    return next && next < new Date(point.start) ? [{ start: next.toISOString(), y: null }, point] : [point];
  });
}

/** The same figures in the browser's zone, in which Chart.js writes them. */
function asLocal(start) {
  const date = new Date(start);
  return date.getTime() + date.getTimezoneOffset() * 60_000;
}
