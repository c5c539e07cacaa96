// What waits in quarantine of the rows that the page shows: by what is wrong with them, with what is known of the measure.

import { element, figure } from "./dom.js";
import * as format from "./format.js";

/** The board of a view. */
export function quarantineBoard(view, measure, isFiltered) {
  const { reasons, ...whole } = view.quarantine;
  const count = format.count, title = measure.title, unknown = whole.rows - whole.known;
  const value = (one) => one.value === null
    ? element("span", { class: "unknown", title: `What ${title} is made of is wrong or missing` }, "not known")
    : element("span", {}, figure(format.short(one.value, measure), format.exact(one.value, measure)),
      one.known < one.rows ? element("span", { class: "part" }, ` (${rowsOf(one.known)})`) : null);
  const line = (why, one, name) => element("tr", { class: name },
    element("th", { scope: "row" }, why), element("td", {}, count(one.rows)), measure.additive ? element("td", {}, value(one)) : null);
  const notes = [
    isFiltered ? "Under the filters above, by the values that the rows came with." : "Rows that came from the source and wait for their correction.",
    measure.additive && unknown > 0 ? `${title} of ${rowsOf(unknown)} is not known: what it is made of is wrong or missing.` : null,
    measure.additive ? null : `${title} is no sum, and so not shown here.`,
    whole.undecided ? `${rowsOf(whole.undecided)} more may belong here: what a filter asks of them is wrong or missing.` : null,
    whole.undated ? `${rowsOf(whole.undated)} more have no date.` : null,
  ];
  const head = (text) => element("th", { scope: "col" }, text);
  return element("section", { class: "board quarantine", id: "quarantine", tabindex: "-1", "aria-label": "Rows in quarantine" },
    element("div", { class: "head" }, element("h2", {}, "Not in these figures: in quarantine")),
    whole.rows
      ? element("table", {},
        element("thead", {}, element("tr", {}, head("Why"), head("Rows"), measure.additive ? head(title) : null)),
        element("tbody", {}, reasons.map((one) => line(one.reason, one))),
        element("tfoot", {}, line(`All of ${format.period(view.period)}`, whole)))
      : element("p", { class: "nothing" }, `No row of ${format.period(view.period)} waits in quarantine.`),
    ...notes.filter((text, place) => text && (place || whole.rows)).map((text) => element("p", { class: "note" }, text)));
}

/** A hint of it beside what else shows how far the figures can be trusted; it leads to the board. */
export function quarantineWord(view) {
  if (!view.quarantine?.rows) return null;
  const go = () => {
    const board = document.getElementById("quarantine");
    board.scrollIntoView({ block: "nearest" });
    board.focus({ preventScroll: true });
  };
  return element("button", { class: "link", type: "button", onclick: go }, `${rowsOf(view.quarantine.rows)} in quarantine`);
}

function rowsOf(number) {
  return `${format.count(number)} ${number === 1 ? "row" : "rows"}`;
}
