// Tiles are refilled in place, so that another page of pictures moves nothing and keeps the focus.

const WITHOUT_PICTURE = "No picture";
const MARKS = ["hit", "miss", "selected"];

export default function ({ data, parentElement, setTriggerValue }) {
  const grid = parentElement.querySelector(".grid");
  const template = parentElement.querySelector("template");
  const { tiles } = data;

  grid.style.setProperty("--tile", `${data.tile_px}px`);
  grid.setAttribute("aria-label", data.label);
  grid.classList.toggle("untitled", tiles.every((tile) => !tile.title));
  grid.classList.toggle("uncaptioned", tiles.every((tile) => !tile.caption));

  while (grid.children.length > tiles.length) grid.lastElementChild.remove();
  while (grid.children.length < tiles.length) grid.append(newTile(template));
  tiles.forEach((tile, place) => fill(grid.children[place], tile));

  grid.onclick = (event) => {
    const node = event.target.closest(".tile");
    if (node) setTriggerValue("clicked", Number(node.dataset.id));
  };
  grid.onkeydown = (event) => moveFocus(grid, event);
}

function newTile(template) {
  const node = template.content.firstElementChild.cloneNode(true);
  node.querySelector("img").onerror = () => node.classList.add("missing");
  return node;
}

// Names of files are a stranger's text: textContent and attributes only.
function fill(node, tile) {
  const image = node.querySelector("img");
  if (image.getAttribute("src") !== tile.src) {
    node.classList.toggle("missing", !tile.src); // and again where the picture turns out broken
    image.setAttribute("src", tile.src);
  }
  for (const mark of MARKS) node.classList.toggle(mark, mark === tile.mark);
  node.dataset.id = tile.id;

  node.querySelector(".note").textContent = tile.note || WITHOUT_PICTURE;
  node.querySelector(".title").textContent = tile.title;
  node.querySelector(".caption").textContent = tile.caption;

  const lines = [tile.title, tile.caption, tile.src ? "" : tile.note].filter(Boolean);
  node.title = lines.join("\n");
  const spoken = lines.join(", ").replaceAll("\n", ", ") || `Picture ${tile.id}`;
  node.setAttribute("aria-label", tile.mark ? `${spoken} (${tile.mark})` : spoken);
  if (tile.mark === "selected") node.setAttribute("aria-current", "true");
  else node.removeAttribute("aria-current");
}

function moveFocus(grid, event) {
  const nodes = [...grid.children];
  const place = nodes.indexOf(event.target.closest(".tile"));
  const columns = nodes.filter((node) => node.offsetTop === nodes[0].offsetTop).length;
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
  const next = nodes[place + steps[event.key]];
  if (place < 0 || !next) return;
  event.preventDefault();
  next.focus();
}
