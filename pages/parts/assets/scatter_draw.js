// What is drawn: the cloud, the legend, the rings, and their colours.

const COLOURS = [
  // Far apart in OKLab and readable on white and on black; the first are farthest apart
  "#2368d5", "#a8cf2d", "#f46396", "#467238", "#1fd5ea", "#7d5577", "#f39e13", "#9b7bf4",
  "#b31c4e", "#f292f6", "#aeb8f4", "#e45e22", "#974c16", "#7441bb", "#2fa3f6", "#f6a4a2",
  "#af84a6", "#226f88", "#b744a5", "#39a29f", "#499f17", "#09ce8d", "#9f810d", "#aab37f",
];
const SYMBOLS = ["circle", "diamond", "square", "triangle-up", "cross", "x", "star"];
const MOST_WITH_SYMBOLS = 20_000; // each further symbol costs two more passes over the points
const NARROW = 560; // below, the legend moves under the plot

// Named one by one: plotly's own choice has a button that sends the data to its maker's cloud.
const BUTTONS = [
  ["toImage"],
  ["lasso2d", "select2d", "pan2d", "zoom2d"],
  ["zoomIn2d", "zoomOut2d", "resetScale2d"],
];
const CONFIG = {
  displaylogo: false,
  scrollZoom: true,
  modeBarButtons: BUTTONS,
  plotlyServerURL: "",
  editSelection: false,
};

// One cloud for all groups, since each trace costs two WebGL calls at every move of a lasso. The
// legend belongs to traces without points; hiding one takes its points out of the cloud. The cloud
// is last, for plotly copies the points selected so far once more for each trace that follows.
async function draw(Plotly, plot) {
  const { data, host } = plot;
  plot.x = decode(data.x, Float32Array);
  plot.y = decode(data.y, Float32Array);
  plot.groups = decode(data.groups, Uint16Array);
  plot.shown = [...new Set(plot.groups)].sort((first, second) => first - second);
  plot.drawn = data.version;
  plot.clears = data.clears;
  plot.last = data.selection ?? CLEAR;
  const hidden = new Set(data.selection?.hidden);
  const entries = plot.shown.map((group) => entryOf(plot, group, hidden));
  await Plotly.react(host, [...entries, cloudOf(plot, hidden)], layoutOf(plot), CONFIG);
  if (!plot.listening) listen(Plotly, plot);
  plot.listening = true;
}

function decode(text, Type) {
  return new Type(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
}

const turnOf = (group) => Math.floor(group / COLOURS.length);
const colourOf = (group) => COLOURS[group % COLOURS.length];
const symbolOf = (group) => SYMBOLS[turnOf(group) % SYMBOLS.length];

function cloudOf(plot, hidden) {
  const count = plot.x.length;
  const size = count > MOST_WITH_SYMBOLS ? 3 : count > 5_000 ? 5 : 7;
  const { marker, ...columns } = columnsOf(plot, hidden);
  return {
    type: "scattergl",
    mode: "markers",
    ...columns,
    hoverinfo: "none",
    showlegend: false,
    marker: { ...marker, size, opacity: 0.8 },
    selected: { marker: { opacity: 1 } },
    unselected: { marker: { opacity: 0.08 } },
  };
}

function columnsOf(plot, hidden) {
  const { x, y, groups, shown } = plot;
  const kept = Uint32Array.from(groups.keys()).filter((index) => !hidden.has(groups[index]));
  plot.kept = kept;
  const pick = (of) => Array.from(kept, (index) => of(groups[index]));
  const mixed = shown.some(turnOf) && x.length <= MOST_WITH_SYMBOLS;
  return {
    x: Float32Array.from(kept, (index) => x[index]),
    y: Float32Array.from(kept, (index) => y[index]),
    marker: { color: pick(colourOf), symbol: mixed ? pick(symbolOf) : "circle" },
  };
}

function entryOf({ data, x }, group, hidden) {
  const symbol = x.length > MOST_WITH_SYMBOLS ? "circle" : symbolOf(group);
  return {
    type: "scatter",
    mode: "markers",
    name: plain(shorten(data.names[group])),
    x: [null],
    y: [null],
    visible: hidden.has(group) ? "legendonly" : true,
    marker: { color: colourOf(group), symbol, size: 8 },
  };
}

// plotly reads a name as HTML, links and all.
const plain = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

const shorten = (text) => (text.length > 22 ? `${text.slice(0, 21)}…` : text);

function layoutOf(plot) {
  const around = surroundings(plot);
  return {
    ...around,
    uirevision: plot.data.version,
    selections: outlines(plot.data.selection, around.newselection.line),
    dragmode: plot.host.layout?.dragmode ?? "lasso",
    clickmode: "event",
    hovermode: "closest",
    hoverdistance: 12,
    margin: { l: 8, r: 8, t: 36, b: 8 }, // the buttons are on top
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    xaxis: { visible: false, range: rangeOf(plot.x) },
    yaxis: { visible: false, range: rangeOf(plot.y), scaleanchor: "x" },
    showlegend: plot.shown.length > 1,
  };
}

// Fixed, so that hiding a group does not move the others.
function rangeOf(values) {
  if (!values.length) return [0, 1];
  const low = values.reduce((least, value) => Math.min(least, value));
  const high = values.reduce((most, value) => Math.max(most, value));
  const margin = 0.04 * (high - low) || 1;
  return [low - margin, high + margin];
}

// What may change while the points stay: size, theme and highlight.
function surroundings({ host, data, x, y }) {
  const style = getComputedStyle(host);
  const text = style.getPropertyValue("--st-text-color");
  const accent = style.getPropertyValue("--st-primary-color");
  const font = { color: text, family: style.getPropertyValue("--st-font"), size: 12 };
  const under = { orientation: "h", x: 0, y: 0, yanchor: "top", maxheight: 120 };
  return {
    width: host.clientWidth,
    height: data.height,
    font,
    legend: { itemsizing: "constant", ...(host.clientWidth < NARROW ? under : {}) },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: style.color, activecolor: accent },
    newselection: { line: { color: accent, width: 2, dash: "dot" } },
    shapes: rings(data.highlight, x, y, text, accent),
  };
}

// Shapes lie above the cloud in SVG, so that another highlight draws no point again.
function rings(highlight, x, y, text, accent) {
  if (!highlight) return [];
  const { point, neighbours } = highlight;
  const ring = (index, radius, line) => ({
    type: "circle", xsizemode: "pixel", ysizemode: "pixel", xanchor: x[index], yanchor: y[index],
    x0: -radius, x1: radius, y0: -radius, y1: radius, line,
  });
  const line = (index) => ({
    type: "line", x0: x[point], y0: y[point], x1: x[index], y1: y[index],
    opacity: 0.6, line: { color: text, width: 1 },
  });
  return [
    ...neighbours.map(line),
    ...neighbours.map((index) => ring(index, 6, { color: text, width: 1.5 })),
    ring(point, 9, { color: accent, width: 3 }),
    // plotly 4.1 remembers the last shape's size mode for the whole plot, and after one in pixels
    // it reads a box that is drawn as pixels too
    { ...line(point), opacity: 0 },
  ];
}

async function fit(Plotly, { host, ...rest }) {
  const wanted = surroundings({ host, ...rest });
  const changed = Object.entries(wanted).filter(
    ([name, value]) => JSON.stringify(host.layout[name]) !== JSON.stringify(value),
  );
  if (changed.length) await Plotly.relayout(host, Object.fromEntries(changed));
}
