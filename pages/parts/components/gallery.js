// Tiles are refilled in place, so that another page of images moves nothing and keeps the focus.
// gallery.py joins this and gallery_select.js to one module.

const WITHOUT_IMAGE = "No image";
const MARKS = ["hit", "miss", "selected", "excluded"];
const MOST_CHIPS = 3;
const CHIP_PX = 64; // least width of a chip that can be read

const galleries = new WeakMap();

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const grid = parentElement.querySelector(".grid");
  const gallery = galleries.get(grid) ?? newGallery(grid, Boolean(data.selection));
  gallery.keys = parentElement.querySelector("#keys");
  gallery.open = (place) => {
    setTriggerValue("clicked", gallery.ids[place]);
    returnFocus(gallery, gallery.ids[place]);
  };
  gallery.report = (changes) => setStateValue("changes", changes);

  const { tiles } = data;
  grid.style.setProperty("--tile", `${data.tile_px}px`);
  grid.style.gridTemplateColumns = data.columns ? `repeat(${data.columns}, minmax(0, 1fr))` : "";
  grid.setAttribute("aria-label", data.label);
  grid.classList.toggle("one-line", Boolean(data.one_line));
  grid.classList.toggle("untitled", tiles.every((tile) => !tile.title));
  grid.classList.toggle("uncaptioned", tiles.every((tile) => !tile.caption));

  resize(gallery, parentElement.querySelector("template"), tiles.length);
  const room = Math.min(MOST_CHIPS, Math.max(1, Math.floor(data.tile_px / CHIP_PX)));
  tiles.forEach((tile, place) => fill(grid.children[place], tile, room));

  const ids = tiles.map((tile) => tile.id);
  const turned = ids.join() !== gallery.ids.join();
  gallery.ids = ids;
  if (data.selection) adopt(gallery, data.selection, turned);
}

function newGallery(grid, selectable) {
  const gallery = { grid, selectable, ids: [] };
  galleries.set(grid, gallery);
  grid.setAttribute("role", selectable ? "listbox" : "group");
  grid.addEventListener("click", (event) => {
    const place = placeOf(gallery, event.target);
    if (place < 0) return;
    if (selectable) click(gallery, place, event);
    else gallery.open(place);
  });
  grid.addEventListener("keydown", (event) => {
    const place = placeOf(gallery, event.target);
    const used = selectable ? press(gallery, place, event) : moveFocus(gallery, place, event.key);
    if (!used) return;
    event.preventDefault();
    event.stopPropagation(); // or a page's shortcut would use it too
  });
  if (selectable) startSelecting(gallery);
  return gallery;
}

// A dialog that closes gives the focus back to what was focused before, but not into a component.
function returnFocus(gallery, id) {
  let wasOpen = false;
  gallery.watcher?.disconnect();
  gallery.watcher = new MutationObserver(() => {
    const isOpen = document.querySelector('[role="dialog"]') !== null;
    wasOpen ||= isOpen;
    if (!wasOpen || isOpen) return;
    gallery.watcher.disconnect();
    requestAnimationFrame(() => {
      const isLost = document.activeElement === document.body;
      if (isLost) gallery.grid.children[gallery.ids.indexOf(id)]?.focus();
    });
  });
  gallery.watcher.observe(document.body, { childList: true });
}

const placeOf = ({ grid }, node) => [...grid.children].indexOf(node.closest(".tile"));

function resize({ grid, selectable }, template, count) {
  const focused = grid.querySelector(":focus");
  while (grid.children.length > count) grid.lastElementChild.remove();
  while (grid.children.length < count) grid.append(newTile(template, selectable));
  if (focused && !focused.isConnected) grid.lastElementChild?.focus({ preventScroll: true });
}

// An option is no button: its circle can be clicked by itself, which not every browser allows in one.
function newTile(template, selectable) {
  const node = document.createElement(selectable ? "div" : "button");
  node.className = "tile";
  if (selectable) {
    node.setAttribute("role", "option");
    node.tabIndex = -1;
  } else node.type = "button";
  node.append(template.content.cloneNode(true));
  node.querySelector("img").onerror = () => node.classList.add("missing");
  return node;
}

// Names of files are a stranger's text: textContent and attributes only.
function fill(node, tile, room) {
  const image = node.querySelector("img");
  if (image.getAttribute("src") !== tile.src) {
    node.classList.toggle("missing", !tile.src); // and again where the picture turns out broken
    image.setAttribute("src", tile.src);
  }
  for (const mark of MARKS) node.classList.toggle(mark, mark === tile.mark);

  node.querySelector(".note").textContent = tile.note || WITHOUT_IMAGE;
  node.querySelector(".title").textContent = tile.title;
  node.querySelector(".caption").textContent = tile.caption;
  fillChips(node.querySelector(".chips"), tile.chips, room);

  const chips = tile.chips.join(", ");
  const lines = [tile.title, tile.caption, tile.src ? "" : tile.note, chips].filter(Boolean);
  node.title = lines.join("\n");
  const spoken = lines.join(", ").replaceAll("\n", ", ") || `Image ${tile.id}`;
  node.setAttribute("aria-label", tile.mark ? `${spoken} (${tile.mark})` : spoken);
  if (tile.mark === "selected") node.setAttribute("aria-current", "true");
  else node.removeAttribute("aria-current");
}

function fillChips(row, chips, room) {
  const shown = chips.slice(0, room).map((word) => newChip(word));
  if (chips.length > room) shown.push(newChip(`+${chips.length - room}`, "more"));
  row.replaceChildren(...shown);
}

function newChip(word, kind = "") {
  const chip = document.createElement("span");
  chip.className = kind;
  chip.textContent = word;
  return chip;
}

function moveFocus({ grid }, place, key) {
  const next = nextPlace(grid, place, key);
  grid.children[next]?.focus();
  return next !== undefined;
}

// Down from above the gap at the end goes to the last tile; beyond an edge the key is the page's.
function nextPlace(grid, place, key) {
  const last = grid.children.length - 1;
  const columns = getComputedStyle(grid).gridTemplateColumns.split(" ").length;
  const rowOf = (index) => Math.floor(index / columns);
  const below = rowOf(place) < rowOf(last) ? Math.min(place + columns, last) : -1;
  const next = {
    ArrowLeft: place - 1,
    ArrowRight: place + 1,
    ArrowUp: place - columns,
    ArrowDown: below,
    Home: 0,
    End: last,
  }[key];
  return place >= 0 && next >= 0 && next <= last ? next : undefined;
}
