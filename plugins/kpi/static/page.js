// Lays the page out from the answers of the server: `api/tables` for its shape, `api/view` for its figures.

import * as address from "./address.js";
import { draw, sparkline } from "./chart.js";
import { element, figure } from "./dom.js";
import * as format from "./format.js";
import { makePivot } from "./pivot.js";
import { quarantineBoard, quarantineWord } from "./quarantine.js";
import { makeRows } from "./rows.js";
import { makeVersions } from "./versions.js";

const byId = (id) => document.getElementById(id);
const GRAINS = ["day", "week", "month", "year"];
let tables = [], view = null, asking = null, shownFor = null;

function followTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    // Airflow keeps the reader's choice there.
    const chosen = localStorage.getItem("theme");
    const isDark = chosen === "dark" || (chosen !== "light" && dark.matches);
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
  };
  window.addEventListener("storage", apply);
  dark.addEventListener("change", apply);
  apply();
}

class Refusal extends Error {
  constructor(status, state, detail) {
    super(detail);
    this.status = status;
    this.state = state;
  }
}

async function ask(path, signal) {
  let answer;
  try {
    answer = await fetch(path, { signal, headers: { accept: "application/json" }, credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(0, "away", "The server does not answer. It may be starting, or the network is away.");
  }
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refusal(answer.status, content.state, content.detail || `The server answered ${answer.status}.`);
  return content;
}

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** The part of the address that all figures but the table's depend on. */
function ofView() {
  const parameters = address.read();
  address.OF_TABLE.forEach((name) => parameters.delete(name));
  return parameters.toString();
}

async function load() {
  asking?.abort();
  const mine = (asking = new AbortController());
  const wanted = ofView();
  if (shownFor === wanted) return loadTable(mine);
  const main = byId("figures");
  main.classList.add("waiting");
  main.classList.toggle("first", view === null);
  byId("progress").hidden = false;
  try {
    if (!tables.length) tables = await ask("api/tables", mine.signal);
    for (;;) {
      try {
        view = await ask(`api/view?${wanted}`, mine.signal);
        break;
      } catch (error) {
        if (error.state !== "preparing") throw error;
        message("One moment", error.message);
        await pause(1000);
      }
    }
    if (mine !== asking) return;
    message(null);
    show();
    shownFor = wanted;
    await loadTable(mine);
  } catch (error) {
    if (error.name === "AbortError" || mine !== asking) return;
    shownFor = null;
    fail(error);
  }
  if (mine === asking) {
    main.classList.remove("waiting", "first");
    byId("progress").hidden = true;
  }
}

/** The table has an answer of its own: turning its pages asks for nothing else, and its errors are its own. */
async function loadTable(mine) {
  pivot.wait(true);
  try {
    const answer = await ask(`api/pivot?${address.read()}`, mine.signal);
    if (mine !== asking) return;
    keepingFocus(() => pivot.show(answer, tables.find((one) => one.name === view.table)));
    pivot.wait(false);
    await versions.follow(address.read().get("versions"), tables.find((one) => one.name === view.table));
    if (!address.read().has("detail")) rows.close();
    else await loadRows(mine);
  } catch (error) {
    if (error.name === "AbortError" || mine !== asking) return;
    if (!(error instanceof Refusal) || [401, 403, 422].includes(error.status)) {
      shownFor = null;
      return fail(error);
    }
    pivot.fail(error.message, load);
  }
  pivot.wait(false);
}

async function loadRows(mine) {
  rows.wait(true);
  try {
    const answer = await ask(`api/rows?${address.read()}`, mine.signal);
    if (mine !== asking) return;
    keepingFocus(() => rows.show(answer, tables.find((one) => one.name === view.table)));
  } catch (error) {
    if (!(error instanceof Refusal) || error.status === 401) throw error;
    rows.fail(error.message, load);
  }
  rows.wait(false);
}

/** The page narrowed to one figure of the table, with its rows. */
function rowsOf(answer, line, column) {
  changed((parameters) => {
    for (const [dimension, name] of [[answer.rows, line], [answer.columns, column]]) {
      if (!name) continue;
      if (dimension === "time") {
        const { from, to } = format.bucket(name, answer.grain, view.period);
        Object.entries({ range: "custom", from, to, grain: answer.grain }).forEach(([key, value]) => parameters.set(key, value));
      } else parameters.set(`f.${dimension}`, name);
    }
    ["page", "search"].forEach((name) => parameters.delete(name));
    parameters.set("detail", "1");
  });
  byId("rows").scrollIntoView({ block: "start" });
}

function keepingFocus(change) {
  const focused = document.activeElement?.dataset?.key;
  change();
  if (focused) [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === focused)?.focus({ preventScroll: true });
}

function fail(error) {
  if (!(error instanceof Refusal)) throw error;
  const again = element("button", { class: "button", type: "button", onclick: load }, "Try again");
  const fresh = element("button", { class: "button", type: "button", onclick: () => turnTo(new URLSearchParams()) }, "Start afresh");
  if (error.status === 401)
    message("Your login has ended", "Log in to Airflow again, and come back to this address.", element("a", { class: "button", href: "../auth/login", target: "_top" }, "Log in"));
  else if (error.status === 403) message("Not for your role", error.message);
  else if (error.state === "empty") message("Nothing to see yet", error.message, again);
  else if (error.status === 422) message("This address makes no sense", error.message, fresh);
  else message("The figures cannot be shown", error.message, again);
}

function message(title, text, action) {
  const place = byId("message");
  place.hidden = title === null;
  byId("content").hidden = title !== null || view === null;
  if (title) place.replaceChildren(element("h2", {}, title), element("p", {}, text), ...(action ? [action] : []));
  if (title) byId("figures").classList.remove("first");
}

function turnTo(parameters, replaces) {
  if (address.go(parameters, replaces)) load();
}

function changed(change, replaces) {
  const parameters = address.read();
  change(parameters);
  turnTo(parameters, replaces);
}

function toggleWord(parameters, name, word) {
  const words = (parameters.get(name) || "").split(",").filter(Boolean);
  const now = words.includes(word) ? words.filter((one) => one !== word) : [...words, word];
  if (now.length) parameters.set(name, now.join(","));
  else parameters.delete(name);
}

function toggleFilter(level, value) {
  changed((parameters) => {
    ["page", "versions"].forEach((name) => parameters.delete(name));
    const values = parameters.getAll(`f.${level}`);
    parameters.delete(`f.${level}`);
    const now = values.includes(value) ? values.filter((one) => one !== value) : [...values, value];
    now.forEach((one) => parameters.append(`f.${level}`, one));
  });
}

function chooseDays(from, to) {
  changed((parameters) => {
    parameters.set("range", "custom");
    parameters.set("from", from);
    parameters.set("to", to);
    parameters.delete("grain");
  });
}

function changeMark(now, before, versus) {
  const fraction = format.change(now, before);
  const kind = fraction === null || Math.abs(fraction) < 0.0005 ? "none" : fraction > 0 ? "up" : "down";
  const arrow = { up: "▲ ", down: "▼ ", none: "" }[kind];
  return element("span", { class: `change ${kind}`, title: versus || null },
    element("span", { "aria-hidden": "true" }, arrow), format.changeText(fraction));
}

function show() {
  const table = tables.find((one) => one.name === view.table);
  const measure = table.measures.find((one) => one.name === view.measure);
  document.title = `${table.title} – KPIs`;
  byId("title").textContent = table.title;
  byId("content").hidden = false;
  showRange(table);
  showFreshness(table);
  showFilters(table);
  showCards(table);
  showTrend(measure);
  showBoards(table, measure);
  const card = view.cards.find((one) => one.name === view.measure);
  byId("status").textContent = `${measure.title}: ${format.exact(card.value, measure)}, ${format.period(view.period)}`;
}

function showRange(table) {
  const pick = byId("table");
  byId("table-pick").hidden = tables.length < 2;
  pick.replaceChildren(...tables.map((one) => new Option(one.title, one.name, false, one.name === table.name)));
  const options = table.ranges.map((one) => new Option(one.title, one.name, false, one.name === view.range));
  if (view.range === "custom") options.push(new Option("Chosen days", "custom", false, true));
  byId("range").replaceChildren(...options);
  for (const [id, value] of [["from", view.period.from], ["to", view.period.to]]) {
    byId(id).value = value;
    byId(id).min = view.freshness.first_date;
    byId(id).max = view.freshness.last_date;
  }
}

function showFreshness(table) {
  const about = view.freshness, check = about.reconciliation;
  const item = (className, ...children) => element("span", { class: `item ${className}` }, ...children);
  const items = [item("", "Data to ", element("b", {}, format.day(about.last_date)))];
  if (check === null) items.push(item("", element("i", { class: "dot" }), "not reconciled yet"));
  else if (check.holds)
    items.push(item("", element("i", { class: "dot good" }), element("span", { class: "good" }, "reconciled with the source"),
      ` by the run of ${format.day(check.business_date)}`));
  else items.push(item("", element("i", { class: "dot bad" }), element("span", { class: "bad", title: check.problem || "" },
    `differs from the source: ${check.problem || "see the run"}`)));
  items.push(item("", `gold version ${about.version} of ${format.instant(about.committed_at)}`));
  const first = table.measures.find((one) => one.additive);
  for (const one of view.unknown)
    if (Number(one.share) > 0)
      items.push(item("warn", `${format.percent(Number(one.share))} of ${first.title.toLowerCase()} with an unknown ${hierarchyOf(table, one.level).toLowerCase()}`));
  const waiting = quarantineWord(view);
  if (waiting) items.push(item("warn", waiting));
  byId("freshness").replaceChildren(...items);
}

function levelsOf(table) {
  return table.hierarchies.flatMap((one) => one.levels);
}

function hierarchyOf(table, level) {
  return table.hierarchies.find((one) => one.levels.some((other) => other.name === level)).title;
}

function showFilters(table) {
  const parameters = address.read(), place = byId("filters"), chips = [];
  for (const level of levelsOf(table))
    for (const value of parameters.getAll(`f.${level.name}`))
      chips.push(element("span", { class: "chip" }, `${level.title}:`, element("b", {}, value),
        view.versioned.includes(level.name) ? element("button", {
          class: "before", type: "button", title: "What was it before?", "aria-label": `History of ${level.title} ${value}`,
          onclick: () => changed((now) => now.set("versions", `${level.name}:${value}`)),
        }, "History") : null,
        element("button", { type: "button", "aria-label": `Remove the filter ${level.title}: ${value}`, onclick: () => toggleFilter(level.name, value) }, "×")));
  place.hidden = !chips.length;
  if (chips.length)
    chips.push(element("button", { class: "link", type: "button", onclick: () => changed((now) => [...now.keys()].filter((name) => name.startsWith("f.") || name === "versions").forEach((name) => now.delete(name))) }, "Clear all"));
  place.replaceChildren(...chips);
}

function showCards(table) {
  const versus = (card, key, period) => period
    ? element("span", { class: "versus" }, changeMark(card.value, card[key], format.period(period)), `vs ${format.period(period)}`)
    : null;
  const isYearBefore = view.previous?.from === view.year_before?.from && view.previous?.to === view.year_before?.to;
  byId("cards").replaceChildren(...table.measures.map((measure) => {
    const card = view.cards.find((one) => one.name === measure.name);
    return element("button", {
      class: "card", type: "button", "data-measure": measure.name, "aria-pressed": String(measure.name === view.measure),
      onclick: () => changed((parameters) => parameters.set("measure", measure.name)),
    },
      element("span", { class: "name" }, measure.title, measure.unit && measure.format !== "money" ? element("span", { class: "unit" }, `, ${measure.unit}`) : null),
      figure(format.short(card.value, measure), format.exact(card.value, measure), "value"),
      sparkline(view.trend.current[measure.name]),
      versus(card, "previous", view.previous),
      isYearBefore ? null : versus(card, "year_before", view.year_before),
      view.previous || view.year_before ? null : element("span", { class: "versus" }, "nothing before to compare with"));
  }));
}

function showTrend(measure) {
  const place = byId("trend");
  const held = document.activeElement?.classList.contains("chart");
  const grains = element("div", { class: "segments", role: "group", "aria-label": "Grain" }, GRAINS.map((grain) =>
    element("button", { type: "button", "aria-pressed": String(grain === view.grain), onclick: () => changed((parameters) => parameters.set("grain", grain)) },
      grain[0].toUpperCase() + grain.slice(1))));
  const legend = element("div", { class: "legend" },
    element("span", {}, element("i"), format.period(view.period)),
    view.previous ? element("span", { class: "before" }, element("i"), format.period(view.previous)) : null);
  const body = element("div");
  place.replaceChildren(element("div", { class: "head" }, element("h2", {}, measure.title), legend, element("div", { class: "spacer" }), grains), body);
  draw(body, { view, measure, choose: chooseDays });
  if (held) body.querySelector(".chart").focus();
}

function showBoards(table, measure) {
  const parameters = address.read();
  const words = (name) => (parameters.get(name) || "").split(",");
  const boards = table.hierarchies.flatMap((hierarchy) => hierarchy.levels.map((level) =>
    board(level, hierarchy, measure, words("bottom").includes(level.name), words("more").includes(level.name), words("change").includes(level.name))));
  keepingFocus(() => byId("boards").replaceChildren(...boards, ...(view.quarantine ? [quarantineBoard(view, measure, !byId("filters").hidden)] : [])));
}

function board(level, hierarchy, measure, isBottom, isLong, isByChange) {
  const found = view.leaderboards.find((one) => one.level === level.name);
  const greatest = Math.max(...found.lines.map((line) => Math.abs(Number(line.value ?? 0))), 0);
  const lines = found.lines.map((line) => {
    const row = element("button", {
      class: "row line", type: "button", "aria-pressed": String(line.selected), "data-key": `${level.name}=${line.name}`,
      onclick: () => toggleFilter(level.name, line.name),
    },
      element("span", { class: "name", title: line.name }, line.name),
      figure(format.short(line.value, measure), format.exact(line.value, measure), "amount"),
      element("span", { class: "share" }, line.share === null ? "" : format.percent(Number(line.share))),
      changeMark(line.value, line.previous, view.previous ? `vs ${format.period(view.previous)}: ${format.exact(line.previous, measure)}` : ""));
    row.style.setProperty("--part", greatest ? (Math.abs(Number(line.value ?? 0)) / greatest) * 100 : 0);
    return element("li", {}, row);
  });
  const head = (title, byChange) => element("button", {
    class: "head-button", type: "button", "data-key": `head ${byChange} ${level.name}`, "aria-pressed": String(isByChange === byChange),
    "aria-label": `${level.title}: rank by ${byChange ? "change" : measure.title}`, disabled: byChange && !view.previous,
    onclick: () => isByChange !== byChange && changed((parameters) => toggleWord(parameters, "change", level.name)),
  }, title);
  const hidden = found.count - found.lines.length;
  const order = element("button", {
    class: "link", type: "button", "data-key": `order ${level.name}`, "aria-label": `${level.title}: ${isBottom ? "least" : "greatest"} first; turn round`,
    onclick: () => changed((parameters) => toggleWord(parameters, "bottom", level.name)),
  }, isBottom ? "↑ Least first" : "↓ Greatest first");
  const more = hidden > 0 || isLong
    ? element("button", { class: "link", type: "button", "data-key": `more ${level.name}`, "aria-label": `${level.title}: ${isLong ? "fewer lines" : "more lines"}`, onclick: () => changed((parameters) => toggleWord(parameters, "more", level.name)) }, isLong ? "Fewer" : "More")
    : null;
  const csv = element("a", { class: "link", href: `api/download?level=${level.name}&${ofView()}`, download: "", "aria-label": `${level.title}: download all as CSV` }, "CSV");
  return element("section", {
    class: `board${found.lines.some((line) => line.selected) ? " filtered" : ""}`, "data-level": level.name, "aria-label": `${measure.title} by ${level.title}`,
  },
    element("div", { class: "head" }, element("h2", {}, level.title), element("div", { class: "spacer" }), order),
    element("div", { class: "row heads" }, element("span"), head(measure.title, false), element("span", {}, measure.additive ? "Share" : ""), head("Change", true)),
    lines.length ? element("ul", {}, lines) : element("p", { class: "nothing" }, "No rows in this period under these filters."),
    element("div", { class: "foot" }, hidden > 0 ? `${hidden} more` : element("span"), element("span", {}, more, csv)));
}

const pivot = makePivot(byId("pivot"), {
  changed, toggleFilter, rowsOf, download: (kind) => `api/pivot/download?format=${kind}&${address.read()}`,
});
const versions = makeVersions(byId("versions"), { changed, ask });
const rows = makeRows(byId("rows"), { changed, ask, query: ofView });
byId("loading").replaceChildren(...Array.from({ length: 5 }, () => element("i")));
byId("table").addEventListener("change", (event) => turnTo(new URLSearchParams({ table: event.target.value })));
byId("range").addEventListener("change", (event) => changed((parameters) => {
  ["from", "to", "grain"].forEach((name) => parameters.delete(name));
  parameters.set("range", event.target.value);
}));
for (const id of ["from", "to"])
  byId(id).addEventListener("change", () => {
    const from = byId("from").value, to = byId("to").value;
    if (from && to && from <= to) chooseDays(from, to);
  });
byId("range-form").addEventListener("submit", (event) => event.preventDefault());
followTheme();
address.begin(load);
load();
