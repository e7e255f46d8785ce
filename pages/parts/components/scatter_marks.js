// Marks: a highlighted point or star with its neighbors, linked selections, and pins.

const OPACITY = 0.8;
const DIMMED = 0.15;
const PIN_PX = 44;
const STAR = starPath(11, 4.5);

// Shapes are SVG above the points, so that a new highlight does not redraw the points.
function rings(plot, text, accent) {
  const { x, y, groups, values, data } = plot;
  if (!data.highlight) return [];
  const { point, neighbors, star } = data.highlight;
  const [fromX, fromY] = point === null ? star : [x[point], y[point]];
  const fill = (index) => (values ? text : colorOf(plot, groups[index]));
  const ring = (index, radius, line) => ({
    type: "circle", xsizemode: "pixel", ysizemode: "pixel", xanchor: x[index], yanchor: y[index],
    x0: -radius, x1: radius, y0: -radius, y1: radius, line, fillcolor: fill(index),
  });
  const link = (toX, toY) => ({
    type: "line", x0: fromX, y0: fromY, x1: toX, y1: toY,
    opacity: 0.6, line: { color: text, width: 1 },
  });
  const center = point === null
    ? {
        type: "path", xsizemode: "pixel", ysizemode: "pixel", xanchor: fromX, yanchor: fromY,
        path: STAR, fillcolor: accent, line: { color: text, width: 1.5 },
      }
    : ring(point, 9, { color: accent, width: 3 });
  return [
    ...neighbors.map((index) => link(x[index], y[index])),
    ...neighbors.map((index) => ring(index, 6, { color: text, width: 1.5 })),
    center,
    // plotly 4.1 applies the size mode of the last shape to the whole plot: after one in pixels it
    // also reads a selection box in pixels
    { ...link(fromX, fromY), opacity: 0 },
  ];
}

function starPath(outer, inner) {
  const corner = (number) => {
    const [radius, angle] = [number % 2 ? inner : outer, (Math.PI * number) / 5];
    return `${(radius * Math.sin(angle)).toFixed(2)},${(radius * Math.cos(angle)).toFixed(2)}`;
  };
  return `M${[...Array(10).keys()].map(corner).join("L")}Z`;
}

const NOTHING = { x: [null], y: [null], z: [null], hoverinfo: "skip", showlegend: false };
const links3d = () => ({ type: "scatter3d", mode: "lines", ...NOTHING, line: { width: 2 } });
const rings3d = () => ({ type: "scatter3d", mode: "markers", ...NOTHING, marker: { size: 7 } });

// Other points are dimmed behind a clicked one: in 2D by the page's style, which costs nothing, and in
// 3D by plotly.
async function mark(Plotly, plot) {
  const { root, host, z, values, data, cloud } = plot;
  const { highlight } = data;
  const isDimmed = highlight && highlight.point !== null && !values; // the colors of numbers stay readable
  root.classList.toggle("dimmed", Boolean(isDimmed) && !z);
  const key = JSON.stringify([plot.drawn, highlight]);
  if (!z || plot.marked === key) return;
  plot.marked = key;
  await Plotly.restyle(host, { "marker.opacity": isDimmed ? DIMMED : OPACITY }, [cloud]);
  const { lines, spots } = highlight ? marks3d(plot) : { lines: NOTHING, spots: NOTHING };
  const accent = getComputedStyle(host).getPropertyValue("--st-primary-color");
  const columns = ["x", "y", "z"].map((axis) => [axis, [lines[axis], spots[axis]]]);
  const colors = { "line.color": accent, "marker.color": accent };
  await Plotly.restyle(host, { ...Object.fromEntries(columns), ...colors }, [cloud + 1, cloud + 2]);
}

// Shows the selection of another map of the same images.
async function showMarked(Plotly, plot) {
  const { marked } = plot.data;
  const key = JSON.stringify([plot.drawn, marked]);
  if (plot.shownMarked === key || (marked === null && !plot.shownMarked)) return;
  plot.shownMarked = key;
  if (plot.tile) return; // The tile shows it
  const selected = new Set(marked);
  const places = [...plot.visible.keys()].filter((place) => selected.has(plot.visible[place]));
  await Plotly.restyle(plot.host, { selectedpoints: [marked && places] }, [plot.cloud]);
}

function marks3d({ x, y, z, data }) {
  const { point, neighbors, star } = data.highlight;
  const center = point === null ? star : [x[point], y[point], z[point]];
  const others = neighbors.map((index) => [x[index], y[index], z[index]]);
  const gap = [null, null, null];
  return {
    lines: columns(others.flatMap((other) => [center, other, gap])),
    spots: columns([center, ...others]),
  };
}

const columns = (rows) =>
  Object.fromEntries(["x", "y", "z"].map((axis, place) => [axis, rows.map((row) => row[place])]));

// Pins are images at their points whose size does not depend on the zoom. A pin that would cover an
// earlier one is hidden.
function pin(plot) {
  const layer = plot.root.querySelector(".workbench-scatter-pins");
  const key = JSON.stringify([plot.drawn, plot.data.pins.map((each) => each.point)]);
  if (layer.dataset.key !== key) {
    layer.dataset.key = key;
    layer.replaceChildren(...(plot.z ? [] : plot.data.pins).map(pinImage));
  }
  const taken = [];
  for (const [place, image] of [...layer.children].entries()) {
    const at = pixelOf(plot, plot.data.pins[place].point);
    const fits = at.inside && taken.every(
      (other) => Math.abs(other.left - at.left) > PIN_PX || Math.abs(other.top - at.top) > PIN_PX,
    );
    image.hidden = !fits;
    if (!fits) continue;
    taken.push(at);
    image.style.transform = `translate(${at.left}px, ${at.top}px) translate(-50%, -50%)`;
  }
}

function pinImage({ src, title }) {
  const image = document.createElement("img");
  Object.assign(image, { src, alt: title });
  return image;
}

function pixelOf({ host, x, y }, point) {
  const { xaxis, yaxis } = host._fullLayout;
  const [across, down] = [xaxis.d2p(x[point]), yaxis.d2p(y[point])];
  const inside = across >= 0 && across <= xaxis._length && down >= 0 && down <= yaxis._length;
  return { left: across + xaxis._offset, top: down + yaxis._offset, inside };
}
