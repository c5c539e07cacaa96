// What a value was before: the versions of the rows behind it, each with the days on which it held.

import { element } from "./dom.js";
import * as format from "./format.js";

/** Makes the part of the page in a place. Returns what follows the address's `versions=level:value`. */
export function makeVersions(place, { changed, ask }) {
  let shownFor = null;
  const close = () => changed((parameters) => parameters.delete("versions"));
  const head = (title) => element("div", { class: "head" }, element("h2", {}, title), element("div", { class: "spacer" }),
    element("button", { class: "link", type: "button", "aria-label": "Close the versions", onclick: close }, "Close"));

  function put(title, ...parts) {
    place.hidden = false;
    place.replaceChildren(head(title), ...parts.filter(Boolean));
  }

  function show(answer, title) {
    const { members, columns, changed: count, unchanged } = answer;
    const withKeys = members.some((one) => one.key !== null);
    const rows = members.flatMap((member) => [...member.versions].reverse().map((version, index, all) => {
      // Newest first: what is in bold is what the next version changed.
      const next = all[index - 1];
      return element("tr", { class: index ? null : "newest" },
        withKeys ? element(index ? "td" : "th", { class: "text", scope: index ? null : "row" }, index ? "" : member.key) : null,
        element("td", { class: "text" }, held(version, index === all.length - 1)),
        version.values.map((value, place) => element("td", { class: "text" },
          next && next.values[place] !== value ? element("b", {}, value) : value)));
    }));
    const head = ["Held", ...columns.map((one) => one.title)];
    const table = element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Versions" }, element("table", {},
      element("thead", {}, element("tr", {}, [...(withKeys ? ["Key"] : []), ...head].map((text) => element("th", { scope: "col", class: "text" }, text)))),
      element("tbody", {}, rows)));
    const shown = members.filter((one) => one.versions.length > 1).length;
    const notes = [
      members.length ? null : "Nothing of it has changed since its history began.",
      count > shown ? `${format.count(count - shown)} more changed: filter by a narrower value to see them.` : null,
      members.length && count && unchanged ? `${format.count(unchanged)} more never changed.` : null,
      count ? null : members.length ? "It has not changed since its history began." : null,
    ];
    put(`${title}: ${answer.value}, now and before`, members.length ? table : null,
      ...notes.filter(Boolean).map((text) => element("p", { class: "note" }, text)));
    place.focus({ preventScroll: true });
    place.scrollIntoView({ block: "nearest" });
  }

  async function follow(asked, table) {
    const mine = asked && `${table.name} ${asked}`;
    if (mine === shownFor) return;
    shownFor = mine;
    if (!asked) {
      place.hidden = true;
      return;
    }
    const [level, value] = [asked.slice(0, asked.indexOf(":")), asked.slice(asked.indexOf(":") + 1)];
    put("Now and before", element("p", { class: "nothing", role: "status" }, "One moment …"));
    try {
      const answer = await ask(`api/versions?${new URLSearchParams({ table: table.name, level, value })}`);
      if (mine !== shownFor) return;
      show(answer, table.hierarchies.flatMap((one) => one.levels).find((one) => one.name === level).title);
    } catch (error) {
      if (mine !== shownFor) return;
      const again = () => {
        shownFor = null;
        follow(asked, table);
      };
      put("Now and before", element("p", { class: "nothing", role: "alert" }, error.message, " ", element("button", { class: "link", type: "button", onclick: again }, "Try again")));
    }
  }

  return { follow };
}

/** The days of a version as people say them. */
function held({ from, to }, isFirst) {
  if (to === null) return `since ${format.day(from)}`;
  return isFirst ? `until ${format.day(to)}` : format.period({ from, to });
}
