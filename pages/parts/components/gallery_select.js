// Which tiles are selected. A click shows at once, and lies over whatever the server says until it
// has answered for that click: so a slow answer undoes no quicker click. What was not answered for
// is told again with each further change, for the server only gets the last of several quick ones.

const KEYS = "Shift selects a range, Escape clears the page.";

function startSelecting(gallery) {
  const { grid } = gallery;
  grid.setAttribute("aria-multiselectable", "true");
  grid.setAttribute("aria-describedby", "keys");
  grid.addEventListener("focusin", (event) => rove(gallery, event.target));
  gallery.selected = new Set();
  gallery.unanswered = new Map(); // id to whether it is selected
  gallery.stamp = null; // of the last change told
  gallery.range = null; // from the place last toggled, to another, and what was selected before
}

function adopt(gallery, { ids, answered, elsewhere, opens, outlined }, turned) {
  gallery.opens = opens;
  gallery.ids.forEach((id, place) => {
    const tile = gallery.grid.children[place];
    tile.classList.toggle("outlined", id === outlined);
    if (id === outlined) tile.setAttribute("aria-current", "true");
  });
  gallery.keys.textContent = `${opens ? "Enter opens, Space selects" : "Enter and Space select"}, ${KEYS}`;
  if (answered === gallery.stamp) gallery.unanswered.clear();
  const said = new Set(ids);
  const isSelected = (id) => gallery.unanswered.get(id) ?? said.has(id);
  gallery.selected = new Set(gallery.ids.filter(isSelected));
  gallery.elsewhere = elsewhere;
  const changed = show(gallery);
  if (turned || changed) gallery.range = null;
  if (turned && !gallery.grid.querySelector(":focus")) rove(gallery, gallery.grid.firstElementChild);
}

// Return whether a tile looks different now.
function show({ grid, ids, selected, elsewhere }) {
  grid.classList.toggle("selecting", elsewhere || selected.size > 0);
  let changed = false;
  ids.forEach((id, place) => {
    const [node, value] = [grid.children[place], String(selected.has(id))];
    if (node.getAttribute("aria-selected") === value) return;
    node.setAttribute("aria-selected", value);
    changed = true;
  });
  return changed;
}

function select(gallery, selected) {
  const { ids, unanswered } = gallery;
  gallery.range = null;
  const changed = ids.filter((id) => selected.has(id) !== gallery.selected.has(id));
  if (!changed.length) return;
  for (const id of changed) unanswered.set(id, selected.has(id));
  gallery.selected = selected;
  gallery.stamp = String(Math.random());
  show(gallery);
  const told = (wanted) => [...unanswered.keys()].filter((id) => unanswered.get(id) === wanted);
  gallery.report({ stamp: gallery.stamp, on: told(true), off: told(false) });
}

function toggle(gallery, place) {
  const selected = new Set(gallery.selected);
  const id = gallery.ids[place];
  if (!selected.delete(id)) selected.add(id);
  select(gallery, selected);
  gallery.range = newRange(gallery, place);
}

const newRange = ({ selected }, place) => ({ from: place, to: place, before: selected });

// A range that is drawn back lets go of what it had taken.
function extend(gallery, place, { from, before } = gallery.range ?? newRange(gallery, place)) {
  const [low, high] = [Math.min(from, place), Math.max(from, place)];
  select(gallery, new Set([...before, ...gallery.ids.slice(low, high + 1)]));
  gallery.range = { from, to: place, before };
}

function click(gallery, place, event) {
  if (event.shiftKey) extend(gallery, place);
  else if (event.ctrlKey || event.metaKey || event.target.closest(".check") || !gallery.opens) {
    toggle(gallery, place);
  } else gallery.open(place);
}

// Return whether the key was one of ours.
function press(gallery, place, event) {
  const { key, shiftKey } = event;
  if (place < 0 || event.altKey) return false;
  if (key === "Enter" || key === " ") {
    if (event.repeat) return true;
    if (key === "Enter" && gallery.opens) gallery.open(place);
    else if (shiftKey) extend(gallery, place);
    else toggle(gallery, place);
    return true;
  }
  if (key.toLowerCase() === "a" && (event.ctrlKey || event.metaKey)) {
    select(gallery, new Set(gallery.ids));
    return true;
  }
  if (key === "Escape") {
    const any = gallery.selected.size > 0;
    select(gallery, new Set());
    return any;
  }
  return move(gallery, place, key, shiftKey);
}

function move(gallery, place, key, extending) {
  const next = nextPlace(gallery.grid, place, key);
  if (next === undefined) return false;
  const { range } = gallery;
  if (extending) extend(gallery, next, range?.to === place ? range : newRange(gallery, place));
  return moveFocus(gallery, place, key);
}

// Tab reaches one tile, the one that had the focus last.
function rove(gallery, node) {
  for (const tile of gallery.grid.children) tile.tabIndex = tile === node ? 0 : -1;
}
