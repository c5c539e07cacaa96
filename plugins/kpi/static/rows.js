// The rows behind the page's figures, and where each of them comes from: silver, bronze file, runs, contract, source.

import { element, figure } from "./dom.js";
import * as format from "./format.js";

/** Makes the part of the page in a place. Returns what shows it closed, shows an answer, a wait and an error in it. */
export function makeRows(place, { changed, ask, query }) {
  const open = element("button", { class: "button", type: "button", "aria-expanded": "false", onclick: () => changed((parameters) => {
    if (parameters.has("detail")) parameters.delete("detail");
    else parameters.set("detail", "1");
  }) });
  const table = element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Rows behind these figures" });
  const foot = element("div", { class: "foot" });
  const way = element("div", { class: "way", tabindex: "-1", role: "region", "aria-label": "Where the rows come from", hidden: true });
  place.replaceChildren(element("div", { class: "head" }, element("h2", {}, "Rows behind these figures"), element("div", { class: "spacer" }), open), table, foot, way);

  function turn(isOpen) {
    open.textContent = isOpen ? "Close" : "Show the rows";
    open.setAttribute("aria-expanded", String(isOpen));
    table.hidden = foot.hidden = !isOpen;
    way.hidden = true;
  }

  function show(answer, contract) {
    turn(true);
    const levels = contract.hierarchies.flatMap((one) => one.levels);
    const level = (name) => levels.find((one) => one.name === name);
    const heads = answer.columns.map((name) => level(name)?.title ?? name.replaceAll("_", " "));
    const plain = { format: "number", unit: "" };
    table.replaceChildren(answer.rows.length
      ? element("table", {},
        element("thead", {}, element("tr", {}, element("th", { scope: "col", class: "name" }, "Date"), heads.map((text, place) =>
          element("th", { scope: "col", class: level(answer.columns[place]) ? "text" : null }, text)))),
        element("tbody", {}, answer.rows.map((row) => element("tr", {},
          element("th", { scope: "row", class: "name" }, element("button", {
            class: "link", type: "button", title: "Where does it come from?", "aria-label": `${format.day(row.day)}: where does this row come from?`, onclick: () => trace(row.day),
          }, format.day(row.day))),
          row.values.map((value, place) => level(answer.columns[place])
            ? element("td", { class: "text" }, value)
            : element("td", {}, figure(format.exact(value, plain), format.exact(value, plain))))))))
      : element("p", { class: "nothing" }, "No rows in this period under these filters."));
    const pages = Math.max(1, Math.ceil(answer.count / answer.page_lines)), from = (answer.page - 1) * answer.page_lines;
    const button = (text, label, page) => element("button", {
      class: "link", type: "button", "aria-label": label, disabled: page < 1 || page > pages, "data-key": label,
      onclick: () => changed((parameters) => parameters.set("detail", page)),
    }, text);
    foot.replaceChildren(
      element("span", { role: "status" }, answer.rows.length ? `${from + 1}–${from + answer.rows.length} of ${answer.count}` : ""),
      element("span", {}, button("‹ Before", "Rows: page before", answer.page - 1), button("Next ›", "Rows: next page", answer.page + 1)));
  }

  async function trace(day) {
    way.hidden = false;
    way.replaceChildren(element("p", { class: "nothing", role: "status" }, "One moment …"));
    let answer;
    try {
      answer = await ask(`api/trace?day=${day}&${query()}`);
    } catch (error) {
      if (error.name !== "AbortError") way.replaceChildren(element("p", { class: "nothing", role: "alert" }, error.message));
      return;
    }
    way.replaceChildren(
      element("div", { class: "head" }, element("h3", {}, `Where the rows of ${format.day(answer.day)} come from`), element("div", { class: "spacer" }),
        element("button", { class: "link", type: "button", onclick: () => { way.hidden = true; } }, "Close")),
      ...answer.notes.map((note) => element("p", { class: "warn" }, note)),
      element("ol", {}, answer.steps.map((step) => element("li", {}, element("h4", {}, step.layer),
        element("dl", {}, step.facts.flatMap((fact) => [element("dt", {}, fact.name), element("dd", {}, fact.text)]))))));
    way.focus();
    way.scrollIntoView({ block: "nearest" });
  }

  function fail(text, again) {
    turn(true);
    foot.replaceChildren();
    table.replaceChildren(element("p", { class: "nothing", role: "alert" }, text, " ", element("button", { class: "link", type: "button", onclick: again }, "Try again")));
  }

  turn(false);
  return { close: () => turn(false), show, fail, wait: (waits) => place.classList.toggle("waiting", waits) };
}
