// Begins: asks what there is, and follows the page's address from then on.

import { ask } from "./api.js";
import { h, refill } from "./dom.js";
import { Page } from "./page.js";
import { readState, writeState } from "./state.js";

const THEMES = { "": "System", light: "Light", dark: "Dark" };

const main = document.getElementById("main");
const picker = document.getElementById("datasets");
let datasets = [];
let page;

/** Show another state, to which one can come back. */
function go(state, trail = []) {
  history.pushState({ trail, isRow: state.key !== null }, "", writeState(state));
  follow();
}

/** Show what the address says. */
function follow() {
  const state = readState(location.hash);
  const dataset = state.dataset === "" ? datasets[0] : datasets.find(({ name }) => name === state.dataset);
  if (!dataset) {
    page = undefined;
    const links = datasets.map(({ name, title }) => h("li", {}, h("a", { href: `#/${name}` }, title)));
    refill(main, h("section", { class: "card problem" }, h("h1", {}, datasets.length ? "There is no such dataset" : "There are no datasets"), h("ul", {}, links)));
    return;
  }
  state.dataset = dataset.name;
  picker.value = dataset.name;
  document.title = `${dataset.title} · Rowhouse`;
  if (page?.dataset !== dataset) {
    page?.abort?.abort();
    page = new Page(dataset, go);
    refill(main, page.element);
  }
  page.show(state, history.state?.trail ?? []);
}

function offerThemes() {
  const button = document.getElementById("theme");
  const root = document.documentElement;
  const name = () => button.replaceChildren(h("span", { class: "word" }, "Theme: "), THEMES[root.dataset.theme ?? ""]);
  button.addEventListener("click", () => {
    const names = Object.keys(THEMES);
    const next = names[(names.indexOf(root.dataset.theme ?? "") + 1) % names.length];
    if (next) root.dataset.theme = next;
    else delete root.dataset.theme;
    localStorage.setItem("rowhouse.theme", next);
    name();
    dispatchEvent(new Event("theme"));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => dispatchEvent(new Event("theme")));
  name();
}

async function begin() {
  offerThemes();
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    main.focus();
  });
  picker.addEventListener("change", () => go({ dataset: picker.value, key: null, parameters: new Map() }));
  try {
    ({ datasets } = await ask("/"));
  } catch (error) {
    refill(main, h("section", { class: "card problem" }, h("h1", {}, error.title ?? "Something went wrong"), h("p", {}, error.message)));
    return;
  }
  refill(picker, datasets.map(({ name, title }) => h("option", { value: name, title }, name)));
  addEventListener("popstate", follow);
  follow();
}

begin();
