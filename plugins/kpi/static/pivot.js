// The table of one dimension by another. The server sorts, searches and cuts it into pages; here it is only shown.

import { element, figure } from "./dom.js";
import * as format from "./format.js";

const TYPING_MS = 300;

/** Makes the empty table in a place. Returns what shows an answer, a wait and an error in it. */
export function makePivot(place, { changed, toggleFilter, download, rowsOf }) {
  const pick = (name, title) => element("label", { class: "pick" }, element("span", { class: "label" }, title),
    element("select", { "aria-label": title, onchange: (event) => changed((parameters) => {
      parameters.set(name, event.target.value);
      ["sort", "page", ...(name === "rows" ? ["columns", "search"] : [])].forEach((one) => parameters.delete(one));
    }) }));
  const rows = pick("rows", "Rows"), columns = pick("columns", "Columns");
  let typing = 0;
  const searching = element("input", { type: "search", placeholder: "Search", "aria-label": "Search the table's rows", maxlength: 300, oninput: () => {
    clearTimeout(typing);
    typing = setTimeout(() => changed((parameters) => {
      parameters.delete("page");
      if (searching.value.trim()) parameters.set("search", searching.value.trim());
      else parameters.delete("search");
    }, true), TYPING_MS);
  } });
  const links = ["csv", "xlsx"].map((kind) => element("a", { class: "link", download: "" }, kind === "csv" ? "CSV" : "Excel"));
  const table = element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table of figures" });
  const foot = element("div", { class: "foot" });
  place.replaceChildren(
    element("div", { class: "head" }, element("h2", {}, "Table"), rows, columns, searching, element("div", { class: "spacer" }), element("span", {}, links)),
    table, foot);

  function show(answer, contract) {
    const title = (name) => contract.dimensions.find((one) => one.name === name)?.title ?? "Measures";
    const options = (select, chosen, left, more) => select.replaceChildren(...[...contract.dimensions, ...more]
      .filter((one) => one.name !== left).map((one) => new Option(one.title, one.name, false, one.name === chosen)));
    options(rows.querySelector("select"), answer.rows, null, []);
    options(columns.querySelector("select"), answer.columns, answer.rows, [{ name: "measures", title: "Measures" }]);
    if (document.activeElement !== searching) searching.value = answer.search;
    links.forEach((link, place) => {
      link.href = download(place ? "xlsx" : "csv");
      link.setAttribute("aria-label", `Table: download all as ${place ? "Excel" : "CSV"}`);
    });
    const measure = (head) => contract.measures.find((one) => one.name === head.measure);
    const called = (head) => {
      if (head.key === "total") return measure(head).title;
      if (head.key === "others") return "Others";
      return head.name ? named(answer.columns, head.name, answer.grain) : measure(head).title;
    };
    const sortBy = (key, descending) => changed((parameters) => {
      parameters.set("sort", `${descending ? "-" : ""}${key}`);
      parameters.delete("page");
    });
    const headCell = (key, text, first) => {
      const isSorted = answer.sort === key;
      const state = isSorted ? (answer.descending ? "descending" : "ascending") : "none";
      const sorted = { descending: " ↓", ascending: " ↑", none: "" }[state];
      const button = key === "others" ? text : element("button", {
        class: "head-button", type: "button", "data-key": `sort ${key}`, title: text,
        onclick: () => sortBy(key, isSorted ? !answer.descending : key !== "name"),
      }, text, element("span", { "aria-hidden": "true" }, sorted));
      return element("th", { scope: "col", class: first ? "name" : null, "aria-sort": key === "others" ? null : state }, button);
    };
    const isLevel = contract.dimensions.find((one) => one.name === answer.rows).level;
    const lineName = (line) => isLevel
      ? element("button", { class: "link", type: "button", "data-key": `line ${line.name}`, title: `Filter by ${line.name}`, onclick: () => toggleFilter(answer.rows, line.name) }, line.name)
      : named(answer.rows, line.name, answer.grain);
    const cell = (text, head, line) => {
      const known = figure(format.short(text, measure(head)), format.exact(text, measure(head)));
      // Of the others together no filter could be made.
      if (text === null || head.key === "others") return element("td", {}, known);
      return element("td", {}, element("button", {
        class: "cell", type: "button", onclick: () => rowsOf(answer, line?.name ?? null, head.name),
      }, known, element("span", { class: "sr" }, ": show its rows")));
    };
    table.replaceChildren(answer.lines.length
      ? element("table", {},
        element("thead", {}, element("tr", {}, headCell("name", title(answer.rows), true), answer.heads.map((head) => headCell(head.key, called(head))))),
        element("tbody", {}, answer.lines.map((line) => element("tr", {},
          element("th", { scope: "row", class: "name" }, lineName(line)), line.values.map((text, place) => cell(text, answer.heads[place], line))))),
        element("tfoot", {}, element("tr", {}, element("th", { scope: "row", class: "name" }, answer.search ? "All, also others" : "All"),
          answer.totals.map((text, place) => cell(text, answer.heads[place], null)))))
      : element("p", { class: "nothing" }, answer.search ? "No row has such a name." : "No rows in this period under these filters."));
    const pages = Math.max(1, Math.ceil(answer.count / answer.page_lines)), from = (answer.page - 1) * answer.page_lines;
    const turn = (text, label, page) => element("button", {
      class: "link", type: "button", "aria-label": label, disabled: page < 1 || page > pages, "data-key": label,
      onclick: () => changed((parameters) => parameters.set("page", page)),
    }, text);
    foot.replaceChildren(
      element("span", { role: "status" }, answer.count ? `${from + 1}–${from + answer.lines.length} of ${answer.count}` : ""),
      element("span", {}, turn("‹ Before", "Table: page before", answer.page - 1), turn("Next ›", "Table: next page", answer.page + 1)));
  }

  function fail(text, again) {
    table.replaceChildren(element("p", { class: "nothing", role: "alert" }, text, " ", element("button", { class: "link", type: "button", onclick: again }, "Try again")));
    foot.replaceChildren();
  }

  return { show, fail, wait: (waits) => place.classList.toggle("waiting", waits) };
}

/** A value as people read it: a point of time by its grain, others as they are. */
function named(dimension, name, grain) {
  if (dimension !== "time") return name;
  return grain === "year" ? name.slice(0, 4) : grain === "month" ? format.month(name) : format.day(name);
}
