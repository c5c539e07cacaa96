// Elements are made, never parsed from text: a value of the data cannot become markup.

export function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** A short figure to look at; the exact one on hovering, and for who listens. */
export function figure(shortText, exactText, className = "") {
  return element(
    "span",
    { class: className, title: exactText },
    element("span", { "aria-hidden": "true" }, shortText),
    element("span", { class: "sr" }, exactText),
  );
}
