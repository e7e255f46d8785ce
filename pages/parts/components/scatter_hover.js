// Tooltip: a ring and a name at once, the image when the pointer rests. Images are served by another
// component (hover_images.js), so that a request does not rerun the whole page.

const REST_MS = 125;
const TIP_GAP_PX = 14;

function watchPointer(plot) {
  const { host, root } = plot;
  plot.images = new Map();
  plot.pointer = { x: 0, y: 0 };
  host.addEventListener("mousemove", ({ clientX, clientY }) => {
    plot.pointer = { x: clientX, y: clientY }; // plotly has no position in 3D
  }, true);
  plot.receive = ({ detail }) => {
    if (detail.channel !== plot.data.channel) return;
    for (const [index, image] of Object.entries(detail.images)) {
      plot.images.set(Number(index), image);
    }
    if (plot.hovered !== undefined) showImage(root, plot.images.get(plot.hovered));
  };
  document.addEventListener("workbench-hover-images", plot.receive);
  host.on("plotly_hover", (event) => hover(plot, placeOf(plot, event)));
  host.on("plotly_unhover", () => unhover(plot));
}

const placeOf = (plot, event) => plot.visible[event.points[0].pointNumber];

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
  const text = values ? `${data.title}: ${values[index].toFixed(2)}` : data.names[groups[index]];
  tip.querySelector("span").textContent = text;
  tip.hidden = false;
  showImage(root, plot.images.get(index));
  placeTip(plot, tip);
  clearTimeout(plot.resting);
  if (plot.images.has(index)) return;
  const detail = { channel: data.channel, index };
  const request = () =>
    document.dispatchEvent(new CustomEvent("workbench-hover-request", { detail }));
  plot.resting = setTimeout(request, REST_MS);
}

function unhover(plot) {
  clearTimeout(plot.resting);
  plot.hovered = undefined;
  for (const name of ["ring", "tip"]) plot.root.querySelector(`.workbench-scatter-${name}`).hidden = true;
}

function showImage(root, image) {
  const element = root.querySelector(".workbench-scatter-tip img");
  element.hidden = !image?.src;
  if (image?.src) element.src = image.src;
  if (image) root.querySelector(".workbench-scatter-tip span").textContent = image.text;
}

// Space for the image is reserved from the start, so that nothing moves when it arrives.
function placeTip({ root, pointer }, tip) {
  const box = root.getBoundingClientRect();
  const [left, top] = [pointer.x - box.left, pointer.y - box.top];
  const fits = left + TIP_GAP_PX + tip.offsetWidth <= box.width;
  const lower = top + TIP_GAP_PX + tip.offsetHeight <= box.height;
  tip.style.left = `${fits ? left + TIP_GAP_PX : Math.max(left - TIP_GAP_PX - tip.offsetWidth, 0)}px`;
  tip.style.top = `${lower ? top + TIP_GAP_PX : Math.max(top - TIP_GAP_PX - tip.offsetHeight, 0)}px`;
}
