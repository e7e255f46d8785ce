// A click shows at once; the server's answer then says what is selected.

const facets = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const list = parentElement.querySelector(".values");
  const facet = facets.get(list) ?? newFacet(list, parentElement);
  facet.send = (values) => setTriggerValue("picked", values);
  facet.single = data.single;
  facet.selected = [...data.selected];
  parentElement.querySelector(".label").textContent = data.label;
  facet.search.hidden = !data.searched;
  facet.search.placeholder = `Search ${data.values.length.toLocaleString("en")} values`;
  facet.search.setAttribute("aria-label", `Search ${data.label.toLowerCase()}`);
  list.setAttribute("role", "listbox"); // Not before it has a name and options
  list.setAttribute("aria-label", data.label);
  list.setAttribute("aria-multiselectable", String(!data.single));

  const drawn = JSON.stringify(data.values);
  if (drawn !== facet.drawn) fill(facet, data.values);
  mark(facet);
  narrow(facet);
  if (!facet.drawn) showSelected(list);
  facet.drawn = drawn;
}

function newFacet(list, parent) {
  const [search, none] = [parent.querySelector("input"), parent.querySelector(".none")];
  const facet = { list, search, none, selected: [] };
  facets.set(list, facet);
  search.addEventListener("input", () => narrow(facet));
  list.addEventListener("click", (event) => {
    const node = event.target.closest(".value");
    if (node) toggle(facet, node);
  });
  list.addEventListener("keydown", (event) => press(facet, event));
  list.addEventListener("focusin", (event) => rove(facet, event.target));
  return facet;
}

// Names are a stranger's text: textContent and attributes only.
function fill({ list }, values) {
  const focused = list.querySelector(":focus")?.dataset.value;
  const most = Math.max(1, ...values.map(({ count }) => count));
  list.replaceChildren(...values.map((value) => newValue(value, most)));
  const node = [...list.children].find((each) => each.dataset.value === focused);
  node?.focus({ preventScroll: true });
}

function newValue({ value, name, count }, most) {
  const node = document.createElement("div");
  node.className = "value";
  node.dataset.value = value;
  node.title = name;
  node.tabIndex = -1;
  node.setAttribute("role", "option");
  node.style.setProperty("--share", `${(100 * count) / most}%`);
  for (const [kind, text] of [["name", name], ["count", count.toLocaleString("en")]]) {
    const part = document.createElement("span");
    part.className = kind;
    part.textContent = text;
    node.append(part, " ");
  }
  return node;
}

function mark({ list, selected }) {
  for (const node of list.children) {
    node.setAttribute("aria-selected", String(selected.includes(node.dataset.value)));
  }
}

// A link may select a value far down the list.
function showSelected(list) {
  const node = list.querySelector('[aria-selected="true"]');
  if (node) list.scrollTop = node.offsetTop - list.offsetTop;
}

function toggle(facet, node) {
  const { value } = node.dataset;
  const isSelected = facet.selected.includes(value);
  if (facet.single) {
    if (isSelected) return;
    facet.selected = [value];
  } else if (isSelected) facet.selected = facet.selected.filter((each) => each !== value);
  else facet.selected = [...facet.selected, value];
  mark(facet);
  facet.send(facet.selected);
}

function narrow(facet) {
  const { list, search, none } = facet;
  const wanted = search.hidden ? "" : search.value.trim().toLowerCase();
  for (const node of list.children) node.hidden = !node.title.toLowerCase().includes(wanted);
  const shown = shownOf(facet);
  none.hidden = shown.length > 0;
  if (!shown.some((node) => node.tabIndex === 0)) rove(facet, shown[0]);
}

const shownOf = ({ list }) => [...list.children].filter((node) => !node.hidden);

function press(facet, event) {
  const shown = shownOf(facet);
  const place = shown.indexOf(event.target);
  if (place < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
  const next = { ArrowUp: place - 1, ArrowDown: place + 1, Home: 0, End: shown.length - 1 };
  if (event.key === "Enter" || event.key === " ") {
    if (!event.repeat) toggle(facet, event.target);
  } else if (event.key in next) shown[next[event.key]]?.focus();
  else return;
  event.preventDefault();
  event.stopPropagation(); // or a page's shortcut would use it too
}

// Tab reaches one value, the one that had the focus last.
function rove({ list }, node) {
  for (const each of list.children) each.tabIndex = each === node ? 0 : -1;
}
