// The page's whole state is its address: it can be shared, kept, and gone back to. Inside Airflow the page is a frame, so
// the address of the window around it is kept in step.

/** What the figures above the table do not depend on. */
export const OF_TABLE = ["rows", "columns", "sort", "search", "page", "detail", "versions"];
const NAMES = ["table", "range", "from", "to", "grain", "measure", "bottom", "more", "change", ...OF_TABLE];
const inFrame = window.parent !== window;

function surrounding() {
  try {
    return inFrame ? window.parent : null;
  } catch {
    return null;
  }
}

function ours(search) {
  const kept = new URLSearchParams();
  for (const [name, value] of new URLSearchParams(search))
    if (NAMES.includes(name) || name.startsWith("f.")) kept.append(name, value);
  return kept;
}

export function read() {
  return ours(location.search);
}

function mirror() {
  try {
    const around = surrounding();
    if (!around) return;
    const query = read().toString();
    around.history.replaceState(around.history.state, "", around.location.pathname + (query ? `?${query}` : ""));
  } catch {
    // Framed by something else: then the frame's own address has to do.
  }
}

/** Takes over the surrounding window's address at the start, and calls back when the reader goes back or forward. */
export function begin(changed) {
  try {
    const around = surrounding();
    const given = around ? ours(around.location.search).toString() : "";
    if (given && !location.search) history.replaceState(null, "", `?${given}`);
  } catch {
    // As above.
  }
  window.addEventListener("popstate", () => {
    mirror();
    changed();
  });
  mirror();
}

/** Turns to another address; `replaces`: going back passes over the one of before. */
export function go(parameters, replaces = false) {
  const query = parameters.toString();
  if (query === read().toString()) return false;
  const turn = replaces ? history.replaceState : history.pushState;
  turn.call(history, null, "", query ? `?${query}` : location.pathname);
  mirror();
  return true;
}

export const isInFrame = inFrame;
