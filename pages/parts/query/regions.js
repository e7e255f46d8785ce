// Two pictures under heat maps. A place that is pointed at, or has the focus, shows in the other
// picture what goes with it; a click keeps it. regions.py joins this and regions_paint.js.

const views = new WeakMap();

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".regions");
  const view = views.get(root) ?? newView(root, parentElement.querySelector("template"));
  const changed = view.data?.matrix !== data.matrix;
  view.data = data;
  view.matrix = decoded(data);
  data.sides.forEach((side, at) => fill(view, at, side));
  if (changed) view.kept = view.pointed = null; // else a run of the page takes nothing away
  show(view);
}

function newView(root, template) {
  const view = { root, sides: [], kept: null, pointed: null };
  views.set(root, view);
  for (const at of [0, 1]) {
    const node = template.content.firstElementChild.cloneNode(true);
    root.querySelector(".pair").append(node);
    view.sides.push(newSide(view, at, node));
  }
  const strength = root.querySelector(".strength input");
  const adjust = () => root.style.setProperty("--heat", strength.value / 100);
  strength.addEventListener("input", adjust);
  adjust();
  root.querySelector(".release").addEventListener("click", () => keep(view, null));
  paintLegend(root.querySelector(".legend canvas"));
  return view;
}

function newSide(view, at, node) {
  const side = { node, image: node.querySelector("img"), places: node.querySelector(".places") };
  side.canvas = node.querySelector("canvas");
  side.image.addEventListener("load", () => fit(side, view.data.squashed));
  const placeOf = (event) => [...side.places.children].indexOf(event.target);
  const point = (event) => placeOf(event) >= 0 && pointAt(view, { at, place: placeOf(event) });
  side.places.addEventListener("pointerover", point);
  side.places.addEventListener("focusin", point);
  side.places.addEventListener("pointerleave", () => pointAt(view, null));
  side.places.addEventListener("focusout", () => pointAt(view, null));
  side.places.addEventListener("click", (event) => {
    const place = placeOf(event);
    if (place >= 0) keep(view, is(view.kept, at, place) ? null : { at, place });
  });
  side.places.addEventListener("keydown", (event) => {
    if (!press(view, at, placeOf(event), event.key)) return;
    event.preventDefault();
    event.stopPropagation(); // or a page's shortcut would use it too
  });
  return side;
}

const is = (spot, at, place) => spot !== null && spot.at === at && spot.place === place;

function fill(view, at, { name, src, heat }) {
  const side = view.sides[at];
  const { columns } = view.data;
  side.heat = heat;
  side.name = name;
  side.node.querySelector("figcaption b").textContent = capital(name);
  if (side.image.getAttribute("src") !== src) side.image.setAttribute("src", src);
  side.places.setAttribute("aria-label", `Regions of the ${name}`);
  side.places.style.gridTemplateColumns = `repeat(${columns}, 1fr)`;
  while (side.places.children.length > heat.length) side.places.lastElementChild.remove();
  while (side.places.children.length < heat.length) side.places.append(newPlace());
  heat.forEach((value, place) => {
    const button = side.places.children[place];
    button.setAttribute("aria-label", `${spot(columns, place)}, ${signed(value)}`);
  });
  if (![...side.places.children].some((button) => button.tabIndex === 0)) rove(side, 0);
}

function newPlace() {
  const button = document.createElement("button");
  button.type = "button";
  button.tabIndex = -1;
  return button;
}

// The network sees all of the image, squashed, or its middle, as wide as its short side.
function fit({ node, image }, squashed) {
  const aspect = image.naturalWidth / image.naturalHeight || 1;
  const seen = squashed ? 1 : aspect;
  node.querySelector("figcaption span").hidden = Math.abs(seen - 1) < 0.01;
  const frame = node.querySelector(".frame");
  frame.style.setProperty("--aspect", aspect);
  frame.style.setProperty("--across", `${100 * Math.min(1, 1 / seen)}%`);
  frame.style.setProperty("--down", `${100 * Math.min(1, seen)}%`);
}

function pointAt(view, spot) {
  view.pointed = spot;
  show(view);
}

function keep(view, spot) {
  view.kept = spot;
  show(view);
}

// Tab reaches one place of each picture, the one that had the focus last.
function rove({ places }, place) {
  [...places.children].forEach((button, at) => (button.tabIndex = at === place ? 0 : -1));
}

// Return whether the key was one of ours; Enter and Space click a button by themselves.
function press(view, at, place, key) {
  const { rows, columns } = view.data;
  if (key === "Escape" && view.kept) {
    keep(view, null);
    return true;
  }
  const [row, column] = [Math.floor(place / columns), place % columns];
  const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[key];
  if (place < 0 || !step) return false;
  const [down, across] = [row + step[0], column + step[1]];
  if (down < 0 || down >= rows || across < 0 || across >= columns) return true; // and stay
  const side = view.sides[at];
  rove(side, down * columns + across);
  side.places.children[down * columns + across].focus();
  return true;
}

function show(view) {
  const chosen = view.kept ?? view.pointed;
  const beside = chosen && valuesBeside(view, chosen);
  const best = beside && beside.indexOf(Math.max(...beside));
  view.sides.forEach((side, at) => {
    const values = chosen && at !== chosen.at ? beside : side.heat;
    if (side.painted !== values) paint(side.canvas, (side.painted = values), view.data);
    [...side.places.children].forEach((button, place) => {
      button.classList.toggle("chosen", is(chosen, at, place));
      button.classList.toggle("best", Boolean(chosen) && at !== chosen.at && place === best);
      button.setAttribute("aria-pressed", is(view.kept, at, place));
    });
  });
  view.root.querySelector(".release").disabled = !view.kept;
  view.root.querySelector(".said").textContent = sentence(view, chosen, beside, best);
}

// What a place adds together with each of the other picture's.
function valuesBeside({ matrix, data }, { at, place }) {
  const count = data.rows * data.columns;
  return Array.from({ length: count }, (_, other) =>
    at === 0 ? matrix[place * count + other] : matrix[other * count + place],
  );
}

function sentence(view, chosen, beside, best) {
  const { columns, similarity } = view.data;
  const whole = similarity.toFixed(3);
  if (!chosen) return `The regions of each image sum to the similarity of ${whole}.`;
  const [here, other] = [view.sides[chosen.at], view.sides[1 - chosen.at]];
  const { pointed } = view;
  const first = `${capital(here.name)} ${spot(columns, chosen.place)}`;
  if (view.kept && pointed && pointed.at !== chosen.at) {
    const second = `${other.name} ${spot(columns, pointed.place)}`;
    return `${first} and ${second}: ${signed(beside[pointed.place])} of ${whole}.`;
  }
  const [added, most] = [signed(here.heat[chosen.place]), signed(beside[best])];
  const where = spot(columns, best);
  return `${first}: ${added} of ${whole}. Best ${other.name} region: ${where}, ${most}.`;
}

const capital = (text) => text[0].toUpperCase() + text.slice(1);

const spot = (columns, place) => `row ${Math.floor(place / columns) + 1}, column ${(place % columns) + 1}`;

const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(4)}`;
