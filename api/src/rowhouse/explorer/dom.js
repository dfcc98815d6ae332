// Makes elements. Values of rows become text and attributes, never markup.

/** Make an element: attributes by name, listeners by a name that begins with "on"; null and false are left out. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Put other children into an element; the focus stays on what has the same data-key. */
export function refill(element, ...children) {
  const key = element.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  element.replaceChildren(...children.flat().filter(Boolean));
  if (key !== undefined) element.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
}

/** Tell something to those who listen to the page. */
export function say(text) {
  document.getElementById("said").textContent = text;
}

/** A button that copies a text, and says so. */
export function copyButton(label, text) {
  const button = h("button", { type: "button", class: "quiet", onclick: copy, "data-key": label }, label);
  async function copy() {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
      say(`${label}: done`);
    } catch {
      button.textContent = "Not allowed";
    }
    setTimeout(() => (button.textContent = label), 1500);
  }
  return button;
}

/** Wait until a script of a package has run; it is asked for once. */
export function script(name) {
  const src = new URL(name, import.meta.url).href;
  scripts[src] ??= new Promise((resolve, reject) => {
    document.head.append(h("script", { src, onload: resolve, onerror: () => reject(new Error(`${src} did not load`)) }));
  });
  return scripts[src];
}
const scripts = {};
