// The trend: a line of the period and a dashed one of the period before, read by pointer or by keys; dragging narrows the time.

import { element, figure, svg } from "./dom.js";
import * as format from "./format.js";

const HEIGHT = 280, LEFT = 64, RIGHT = 12, TOP = 12, BOTTOM = 26;

export function sparkline(values) {
  const numbers = values.map((value) => (value === null ? null : Number(value)));
  const known = numbers.filter((number) => number !== null);
  const drawing = svg("svg", { viewBox: "0 0 100 36", preserveAspectRatio: "none", "aria-hidden": "true" });
  if (known.length < 2) return drawing;
  const low = Math.min(0, ...known), high = Math.max(...known) || 1;
  const x = (place) => (place / (numbers.length - 1)) * 100;
  const y = (number) => 34 - ((number - low) / (high - low || 1)) * 32;
  const line = path(numbers, x, y);
  drawing.append(
    svg("path", { class: "area", d: `${line}L100,36L0,36Z` }),
    svg("path", { class: "current", d: line, "vector-effect": "non-scaling-stroke" }),
  );
  return drawing;
}

function path(numbers, x, y) {
  let text = "", pen = "M";
  numbers.forEach((number, place) => {
    if (number === null) pen = "M";
    else {
      text += `${pen}${x(place).toFixed(2)},${y(number).toFixed(2)}`;
      pen = "L";
    }
  });
  return text;
}

function ticks(low, high) {
  const rough = (high - low || 1) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((times) => times * power).find((one) => one >= rough);
  const found = [];
  for (let at = Math.floor(low / step) * step; at <= high + step * 0.999; at += step) found.push(Number(at.toPrecision(12)));
  return found;
}

/** Draws into a place; calls `choose(from, to)` when a reader has marked some points. */
export function draw(place, { view, measure, choose }) {
  const points = view.trend.points;
  const texts = view.trend.current[measure.name], before = view.trend.previous[measure.name];
  const numbers = texts.map((text) => (text === null ? null : Number(text)));
  const old = before.map((text) => (text === null ? null : Number(text)));
  const known = [...numbers, ...old].filter((number) => number !== null);
  const marks = ticks(Math.min(0, ...known), Math.max(1e-9, ...known));
  const low = marks[0], high = marks[marks.length - 1];
  const tip = element("div", { class: "tip", hidden: true });
  const drawing = svg("svg", { "aria-hidden": "true" });
  const chart = element("div", {
    class: "chart", tabindex: "0", role: "application", "aria-roledescription": "chart",
    "aria-label": `${measure.title} by ${view.grain}: arrow keys read its points, Shift with them marks some, Enter shows those alone`,
  }, drawing, tip);
  const spoken = element("p", { class: "sr", role: "status" });
  place.replaceChildren(chart, spoken, table(view, measure, texts, before));
  let width = 0, at = null, start = null;

  const x = (index) => LEFT + (points.length > 1 ? index / (points.length - 1) : 0.5) * (width - LEFT - RIGHT);
  const height = () => drawing.clientHeight || HEIGHT;
  const y = (number) => height() - BOTTOM - ((number - low) / (high - low || 1)) * (height() - TOP - BOTTOM);

  const overlay = svg("g");
  function redraw() {
    width = chart.clientWidth;
    if (!width) return;
    drawing.setAttribute("viewBox", `0 0 ${width} ${height()}`);
    const parts = marks.flatMap((mark) => [
      svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(mark), y2: y(mark) }),
      svg("text", { x: LEFT - 8, y: y(mark) + 4, "text-anchor": "end" }, format.short(String(mark), measure)),
    ]);
    const every = Math.max(1, Math.ceil(points.length / Math.max(2, Math.floor((width - LEFT) / 84))));
    points.forEach((point, index) => {
      if (index % every) return;
      const isLast = index === points.length - 1;
      const anchor = points.length === 1 ? "middle" : index === 0 ? "start" : isLast ? "end" : "middle";
      if (!isLast && x(index) > width - 40 && index) return;
      parts.push(svg("text", { x: x(index), y: height() - 6, "text-anchor": anchor }, format.tick(point, view.grain)));
    });
    const line = path(numbers, x, y);
    parts.push(svg("path", { class: "before-line", d: path(old.slice(0, points.length), x, y) }));
    if (points.length > 1) parts.push(svg("path", { class: "area", d: `${line}L${x(points.length - 1)},${y(low)}L${x(0)},${y(low)}Z` }));
    parts.push(svg("path", { class: "current", d: line }));
    if (points.length === 1 && numbers[0] !== null) parts.push(svg("circle", { class: "knob", cx: x(0), cy: y(numbers[0]), r: 5 }));
    drawing.replaceChildren(...parts, overlay);
    show();
  }

  function show() {
    overlay.replaceChildren();
    tip.hidden = at === null;
    if (at === null) return;
    if (start !== null && start !== at) {
      const from = Math.min(start, at), to = Math.max(start, at);
      overlay.append(svg("rect", { class: "brush", x: x(from), y: TOP, width: x(to) - x(from), height: height() - TOP - BOTTOM }));
    }
    overlay.append(svg("line", { class: "cursor", x1: x(at), x2: x(at), y1: TOP, y2: height() - BOTTOM }));
    if (old[at] !== null && old[at] !== undefined) overlay.append(svg("circle", { class: "knob before", cx: x(at), cy: y(old[at]), r: 4 }));
    if (numbers[at] !== null) overlay.append(svg("circle", { class: "knob", cx: x(at), cy: y(numbers[at]), r: 5 }));
    const fraction = format.change(texts[at], before[at] ?? null);
    tip.replaceChildren(
      element("div", { class: "soft" }, format.period(points[at])),
      element("b", {}, format.exact(texts[at], measure)),
      before.length > at
        ? element("div", { class: "soft" }, `before: ${format.exact(before[at], measure)} (${format.changeText(fraction)})`)
        : null,
    );
    tip.style.left = `${Math.max(4, Math.min(x(at) + 14, width - tip.offsetWidth - 4))}px`;
    if (x(at) + 14 + tip.offsetWidth > width) tip.style.left = `${Math.max(4, x(at) - tip.offsetWidth - 14)}px`;
  }

  function nearest(event) {
    const share = (event.clientX - chart.getBoundingClientRect().left - LEFT) / (width - LEFT - RIGHT);
    return Math.max(0, Math.min(points.length - 1, Math.round(share * (points.length - 1))));
  }

  function finish() {
    const [from, to] = [Math.min(start, at), Math.max(start, at)];
    start = null;
    if (from !== to) choose(points[from].from, points[to].to);
    else show();
  }

  chart.addEventListener("pointermove", (event) => {
    at = nearest(event);
    show();
  });
  chart.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    at = start = nearest(event);
    if (event.pointerType === "mouse") chart.setPointerCapture(event.pointerId);
  });
  chart.addEventListener("pointerup", () => start !== null && finish());
  chart.addEventListener("pointercancel", () => { start = null; show(); });
  chart.addEventListener("pointerleave", () => { if (start === null) { at = null; show(); } });
  chart.addEventListener("blur", () => { at = start = null; show(); });
  chart.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -points.length, End: points.length };
    if (event.key in steps) {
      const from = at ?? (event.key === "ArrowLeft" ? points.length : -1);
      if (event.shiftKey) start ??= at ?? 0;
      else start = null;
      at = Math.max(0, Math.min(points.length - 1, from + steps[event.key]));
      show();
      spoken.textContent = tip.textContent;
      event.preventDefault();
    } else if (event.key === "Enter" && start !== null) finish();
    else if (event.key === "Escape") { at = start = null; show(); }
  });
  const observer = new ResizeObserver(redraw);
  observer.observe(chart);
  redraw();
}

function table(view, measure, texts, before) {
  // A table takes the width of its words, however narrow it is set to be: what hides it is around it.
  return element("div", { class: "sr" }, element("table", {},
    element("caption", {}, `${measure.title} by ${view.grain}`),
    element("thead", {}, element("tr", {}, element("th", {}, "Period"), element("th", {}, "Value"), element("th", {}, "Period before"))),
    element("tbody", {}, view.trend.points.map((point, index) =>
      element("tr", {}, element("th", {}, format.period(point)), element("td", {}, format.exact(texts[index], measure)),
        element("td", {}, index < before.length ? format.exact(before[index], measure) : ""))))));
}
