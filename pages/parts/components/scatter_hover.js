// What appears beside the pointer: a ring and a name at once, the picture when the pointer rests.
// Pictures are another component's (hover_pictures.js): to ask for one must not run the whole page.

const RESTS_MS = 125;
const TIP_GAP_PX = 14;

function watchPointer(plot) {
  const { host, root } = plot;
  plot.pictures = new Map();
  plot.pointer = { x: 0, y: 0 };
  host.addEventListener("mousemove", ({ clientX, clientY }) => {
    plot.pointer = { x: clientX, y: clientY }; // in space plotly does not tell
  }, true);
  plot.take = ({ detail }) => {
    if (detail.channel !== plot.data.channel) return;
    for (const [index, picture] of Object.entries(detail.pictures)) {
      plot.pictures.set(Number(index), picture);
    }
    if (plot.hovered !== undefined) showPicture(root, plot.pictures.get(plot.hovered));
  };
  document.addEventListener("workbench-pictures", plot.take);
  host.on("plotly_hover", (event) => hover(plot, placeOf(plot, event)));
  host.on("plotly_unhover", () => unhover(plot));
}

const placeOf = (plot, event) => plot.kept[event.points[0].pointNumber];

function hover(plot, index) {
  if (index === undefined || index === plot.hovered) return;
  const { root, data, values, groups } = plot;
  plot.hovered = index;
  const ring = root.querySelector(".workbench-scatter-ring");
  ring.hidden = Boolean(plot.z);
  if (!plot.z) {
    const { left, top } = pixelOf(plot, index);
    ring.style.transform = `translate(${left}px, ${top}px) translate(-50%, -50%)`;
  }
  const tip = root.querySelector(".workbench-scatter-tip");
  const said = values ? `${data.title}: ${values[index].toFixed(2)}` : data.names[groups[index]];
  tip.querySelector("span").textContent = said;
  tip.hidden = false;
  showPicture(root, plot.pictures.get(index));
  placeTip(plot, tip);
  clearTimeout(plot.resting);
  if (plot.pictures.has(index)) return;
  const detail = { channel: data.channel, index };
  const ask = () => document.dispatchEvent(new CustomEvent("workbench-rests", { detail }));
  plot.resting = setTimeout(ask, RESTS_MS);
}

function unhover(plot) {
  clearTimeout(plot.resting);
  plot.hovered = undefined;
  for (const name of ["ring", "tip"]) plot.root.querySelector(`.workbench-scatter-${name}`).hidden = true;
}

function showPicture(root, picture) {
  const image = root.querySelector(".workbench-scatter-tip img");
  image.hidden = !picture?.src;
  if (picture?.src) image.src = picture.src;
  if (picture) root.querySelector(".workbench-scatter-tip span").textContent = picture.text;
}

// Room for the picture is kept from the start, so that nothing jumps when it comes.
function placeTip({ root, pointer }, tip) {
  const box = root.getBoundingClientRect();
  const [left, top] = [pointer.x - box.left, pointer.y - box.top];
  const fits = left + TIP_GAP_PX + tip.offsetWidth <= box.width;
  const lower = top + TIP_GAP_PX + tip.offsetHeight <= box.height;
  tip.style.left = `${fits ? left + TIP_GAP_PX : Math.max(left - TIP_GAP_PX - tip.offsetWidth, 0)}px`;
  tip.style.top = `${lower ? top + TIP_GAP_PX : Math.max(top - TIP_GAP_PX - tip.offsetHeight, 0)}px`;
}
