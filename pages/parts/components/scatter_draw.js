// Drawing: points, contours, legend, color bar and layout.

const PALETTE_SIZE = 24;
const SYMBOLS = ["circle", "diamond", "square", "triangle-up", "cross", "x", "star"];
const MAX_WITH_SYMBOLS = 20_000; // each further symbol costs two more passes over the points
const NARROW = 560; // below this width the legend is under the plot

// Listed one by one: plotly's default has a button that uploads the data to its maker's cloud.
const BUTTONS = [
  ["toImage"],
  ["lasso2d", "select2d", "pan2d", "zoom2d"],
  ["zoomIn2d", "zoomOut2d", "resetScale2d"],
];
const BUTTONS_3D = [["toImage"], ["orbitRotation", "pan3d", "zoom3d"], ["resetCameraDefault3d"]];
const CAMERA = { eye: { x: 1.2, y: 1.2, z: 0.75 } }; // nearer than plotly's default, which leaves room for axes
const CONFIG = {
  displaylogo: false,
  scrollZoom: true,
  plotlyServerURL: "",
  editSelection: false,
};

// One trace has the points of all groups, since each trace costs two WebGL calls at every move of a
// lasso. The legend belongs to traces without points; hiding one removes its points from the cloud.
// In 2D the cloud is the last trace, since plotly copies the selected points once more for each
// following trace; in 3D it is followed by the marks, which are traces there.
async function draw(Plotly, plot) {
  const { data, host } = plot;
  if (data.tile) setTile(plot, data.tile);
  else setPoints(plot);
  setFrames(plot);
  const groups = data.tile?.present ?? [...new Set(plot.groups)].sort((first, second) => first - second);
  plot.shown = plot.values ? [] : groups;
  plot.drawn = data.version;
  [plot.wanted, plot.stamp] = [null, ""];
  plot.clears = data.clears;
  plot.only = JSON.stringify(data.only);
  plot.last = data.selection ?? CLEAR;
  const hidden = new Set(data.selection?.hidden ?? othersThan(plot, data.only));
  const entries = plot.shown.map((group) => entryOf(plot, group, hidden));
  const contours = data.density && !plot.z ? [contoursOf(plot)] : [];
  plot.cloud = entries.length + contours.length;
  const marks = plot.z ? [links3d(), rings3d()] : [];
  const traces = [...entries, ...contours, cloudOf(plot, hidden), ...marks];
  const buttons = plot.z ? BUTTONS_3D : BUTTONS;
  await Plotly.react(host, traces, layoutOf(plot), { ...CONFIG, modeBarButtons: buttons });
  if (!plot.listening) listen(Plotly, plot);
  plot.listening = true;
}

function setPoints(plot) {
  const { data } = plot;
  plot.tile = plot.places = plot.selected = null;
  plot.x = decode(data.x, Float32Array);
  plot.y = decode(data.y, Float32Array);
  plot.z = data.z && decode(data.z, Float32Array);
  plot.groups = decode(data.groups, Uint16Array);
  plot.values = data.values && decode(data.values, Float32Array);
}

function decode(text, Type) {
  return new Type(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
}

const othersThan = ({ shown }, only) =>
  only.length ? shown.filter((group) => !only.includes(group)) : [];

const turnOf = (group) => Math.floor(group / PALETTE_SIZE);
const symbolOf = (group) => SYMBOLS[turnOf(group) % SYMBOLS.length];
const colorOf = ({ data }, group) =>
  data.colors[group] ?? data.palette[group % PALETTE_SIZE];
const sizeOf = (count) => (count > MAX_WITH_SYMBOLS ? 3 : count > 5_000 ? 5 : 7);

function cloudOf(plot, hidden) {
  const size = sizeOf((plot.places ?? plot.x).length);
  const { marker, ...columns } = columnsOf(plot, hidden);
  const trace = {
    mode: "markers",
    ...columns,
    hoverinfo: "none",
    showlegend: false,
    marker: { ...marker, ...scaleOf(plot), size: plot.z ? size / 2 : size, opacity: OPACITY },
  };
  if (plot.z) return { type: "scatter3d", ...trace };
  const opacities = opacitiesOf(plot);
  trace.marker.opacity = opacities["marker.opacity"];
  const [chosen, others] = ["selected", "unselected"].map((name) => ({
    marker: { opacity: opacities[`${name}.marker.opacity`] },
  }));
  return { type: "scattergl", ...trace, selected: chosen, unselected: others };
}

function scaleOf({ values, data }) {
  if (!values) return {};
  const title = { text: plain(data.title), side: "right" };
  const colorbar = { title, thickness: 12, len: 0.7, outlinewidth: 0 };
  const limits = data.limits ? { cmin: data.limits[0], cmax: data.limits[1] } : {};
  return { colorscale: data.scale, showscale: true, colorbar, ...limits };
}

const usesSymbols = ({ tile, x, z }) => !tile && !z && x.length <= MAX_WITH_SYMBOLS;

function columnsOf(plot, hidden) {
  const { x, y, z, groups, values, shown } = plot;
  const places = plot.places ?? Uint32Array.from(groups.keys());
  const visible = places.filter((index) => !hidden.has(groups[index]));
  plot.visible = visible;
  const pick = (of) => Array.from(visible, (index) => of(groups[index]));
  const take = (from) => Float32Array.from(visible, (index) => from[index]);
  const mixed = shown.some(turnOf) && usesSymbols(plot);
  const color = values ? Array.from(take(values)) : pick((group) => colorOf(plot, group));
  return {
    x: take(x),
    y: take(y),
    ...(z ? { z: take(z) } : {}),
    marker: { color, symbol: mixed ? pick(symbolOf) : "circle" },
  };
}

function entryOf(plot, group, hidden) {
  const { data, z } = plot;
  const symbol = usesSymbols(plot) ? symbolOf(group) : "circle";
  return {
    type: z ? "scatter3d" : "scatter",
    mode: "markers",
    name: plain(shorten(data.names[group])),
    x: [null],
    y: [null],
    ...(z ? { z: [null] } : {}),
    visible: hidden.has(group) ? "legendonly" : true,
    marker: { color: colorOf(plot, group), symbol, size: 8 },
  };
}

function contoursOf({ data, host }) {
  const { x, y, values } = data.density;
  const line = { color: getComputedStyle(host).color, width: 1, smoothing: 1 };
  return {
    type: "contour",
    x,
    y,
    z: values,
    contours: { coloring: "none", start: 0.05, end: 0.95, size: 0.15 },
    line,
    opacity: 0.35,
    hoverinfo: "skip",
    showscale: false,
    showlegend: false,
  };
}

// plotly renders names as HTML, including links.
const plain = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

const shorten = (text) => (text.length > 22 ? `${text.slice(0, 21)}…` : text);

function layoutOf(plot) {
  const around = surroundings(plot);
  const axis = { visible: false };
  const axes = plot.z
    ? { scene: { xaxis: axis, yaxis: axis, zaxis: axis, aspectmode: "data", camera: CAMERA } }
    : {
        xaxis: { ...axis, range: rangeAlong(plot, "x") },
        yaxis: { ...axis, range: rangeAlong(plot, "y"), scaleanchor: "x" },
        images: imagesOf(plot),
        selections: outlines(plot.data.selection, around.newselection.line),
        dragmode: plot.host.layout?.dragmode ?? "lasso",
      };
  return {
    ...around,
    ...axes,
    uirevision: plot.data.channel, // other colors keep the view and have a legend of their own
    selectionrevision: plot.drawn,
    clickmode: "event",
    hovermode: "closest",
    hoverdistance: 12,
    margin: { l: 8, r: 8, t: 36, b: 8 }, // the buttons are at the top
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    showlegend: plot.shown.length > 1,
  };
}

function rangeAlong(plot, axis) {
  const { frames, tile } = plot;
  const place = axis === "x" ? 0 : 1;
  if (tile) return [tile.low[place], tile.high[place]];
  return rangeOf([plot[axis], ...frames.map((frame) => frame[axis])]);
}

// Fixed, so that neither hiding a group nor changing the frame moves the other points.
function rangeOf(arrays) {
  if (!arrays[0].length) return [0, 1];
  const low = Math.min(...arrays.map((values) => values.reduce((a, b) => Math.min(a, b))));
  const high = Math.max(...arrays.map((values) => values.reduce((a, b) => Math.max(a, b))));
  const margin = 0.04 * (high - low) || 1;
  return [low - margin, high + margin];
}

// The part of the layout that may change with the same points: size, theme and, in 2D, the highlight.
function surroundings(plot) {
  const { host, data, z } = plot;
  const style = getComputedStyle(host);
  const text = style.getPropertyValue("--st-text-color");
  const accent = style.getPropertyValue("--st-primary-color");
  const font = { color: text, family: style.getPropertyValue("--st-font"), size: 12 };
  const under = { orientation: "h", x: 0, y: 0, yanchor: "top", maxheight: 120 };
  const legend = host.clientWidth < NARROW ? under : {};
  return {
    width: host.clientWidth,
    height: host.clientHeight,
    font,
    legend: {
      itemsizing: "constant",
      uirevision: plot.drawn,
      itemclick: "toggleothers", // one click isolates a group, since users look for one among many
      itemdoubleclick: "toggle",
      ...legend,
    },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: style.color, activecolor: accent },
    newselection: { line: { color: accent, width: 2, dash: "dot" } },
    ...(z ? {} : { shapes: rings(plot, text, accent) }),
  };
}

async function fit(Plotly, plot) {
  const { host } = plot;
  const layout = surroundings(plot);
  const changed = Object.entries(layout).filter(
    ([name, value]) => JSON.stringify(host.layout[name]) !== JSON.stringify(value),
  );
  if (changed.length) await Plotly.relayout(host, Object.fromEntries(changed));
}
