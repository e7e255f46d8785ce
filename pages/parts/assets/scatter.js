// Draws once a version. Later runs only move the highlight, follow the theme, or drop the outline.

const COLOURS = [
  // Far apart in OKLab and readable on white and on black; the first are farthest apart
  "#2368d5", "#a8cf2d", "#f46396", "#467238", "#1fd5ea", "#7d5577", "#f39e13", "#9b7bf4",
  "#b31c4e", "#f292f6", "#aeb8f4", "#e45e22", "#974c16", "#7441bb", "#2fa3f6", "#f6a4a2",
  "#af84a6", "#226f88", "#b744a5", "#39a29f", "#499f17", "#09ce8d", "#9f810d", "#aab37f",
];
const SYMBOLS = ["circle", "diamond", "square", "triangle-up", "cross", "x", "star"];
const NARROW = 560; // below, the legend moves under the plot
const NO_WEBGL =
  "This browser cannot draw the map: WebGL is off. Turn on hardware acceleration in its settings.";
const LOST = "The browser gave up drawing the map. Reload the page.";
const NO_SCRIPT = "The map's drawing library did not load. Reload the page.";

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

const plots = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".workbench-scatter");
  const plot = plots.get(root) ?? newPlot(root);
  plot.data = data;
  plot.send = (event) => setTriggerValue("event", event);
  plot.host.style.height = `${data.height}px`;
  update(plot);
  // Streamlit also calls this for a run that the next overtook, while the plot is still in use
  return () => setTimeout(() => root.isConnected || destroy(plot));
}

function newPlot(root) {
  const host = root.querySelector(".workbench-scatter-plot");
  const plot = { root, host, queue: Promise.resolve(), drawn: null, gone: false };
  plot.watcher = new ResizeObserver(() => update(plot));
  plot.watcher.observe(host);
  plots.set(root, plot);
  return plot;
}

function destroy(plot) {
  plot.gone = true;
  plot.watcher.disconnect();
  plots.delete(plot.root);
  const canvases = [...plot.host.querySelectorAll("canvas")];
  if (plot.drawn) window.Plotly.purge(plot.host);
  // A browser has some 16 WebGL contexts, and collects forgotten ones late
  for (const canvas of canvases) {
    canvas.getContext("webgl")?.getExtension("WEBGL_lose_context")?.loseContext();
  }
}

const update = (plot) => enqueue(plot, () => applyChanges(plot));

// One change after the other: plotly's calls are asynchronous and must not overlap.
function enqueue(plot, change) {
  plot.queue = plot.queue.then(() => plot.gone || change()).catch((error) => {
    console.error(error);
    complain(plot, NO_SCRIPT);
  });
}

async function applyChanges(plot) {
  if (!hasWebGL()) return complain(plot, NO_WEBGL);
  const Plotly = await loadPlotly(plot.data.script);
  if (plot.gone || !plot.host.clientWidth) return; // in a closed tab: the watcher comes back
  if (plot.drawn !== plot.data.version) await draw(Plotly, plot);
  else if (plot.clears !== plot.data.clears) await dismiss(Plotly, plot);
  await fit(Plotly, plot);
}

function hasWebGL() {
  hasWebGL.answer ??= Boolean(document.createElement("canvas").getContext("webgl"));
  return hasWebGL.answer;
}

function loadPlotly(address) {
  window.workbenchPlotly ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL(address, document.baseURI);
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => {
      window.workbenchPlotly = undefined;
      reject(new Error(`${script.src} did not load`));
    };
    document.head.append(script);
  });
  return window.workbenchPlotly;
}

function complain(plot, sentence) {
  const problem = plot.root.querySelector(".workbench-scatter-problem");
  problem.textContent = sentence;
  problem.hidden = false;
  plot.host.hidden = true;
}

// ---- drawing

// One cloud for all groups, since each trace costs two WebGL calls at every move of a lasso. The
// legend belongs to traces without points; hiding one takes its points out of the cloud.
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
  const traces = [cloudOf(plot, hidden), ...plot.shown.map((group) => entryOf(plot, group, hidden))];
  await Plotly.react(host, traces, layoutOf(plot), CONFIG);
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
  const { x, groups } = plot;
  const size = x.length > 50_000 ? 3 : x.length > 5_000 ? 5 : 7;
  const { marker, ...columns } = columnsOf(plot, hidden);
  return {
    type: "scattergl",
    mode: "markers",
    ...columns,
    hoverinfo: "none",
    showlegend: false,
    marker: { ...marker, size: groups.some(turnOf) ? size + 1 : size, opacity: 0.8 },
    selected: { marker: { opacity: 1 } },
    unselected: { marker: { opacity: 0.08 } },
  };
}

function columnsOf(plot, hidden) {
  const { x, y, groups, shown } = plot;
  const kept = Uint32Array.from(groups.keys()).filter((index) => !hidden.has(groups[index]));
  plot.kept = kept;
  const pick = (of) => Array.from(kept, (index) => of(groups[index]));
  const symbol = shown.some(turnOf) ? pick(symbolOf) : "circle"; // one symbol draws faster
  return {
    x: Float32Array.from(kept, (index) => x[index]),
    y: Float32Array.from(kept, (index) => y[index]),
    marker: { color: pick(colourOf), symbol },
  };
}

function entryOf({ data }, group, hidden) {
  return {
    type: "scatter",
    mode: "markers",
    name: plain(shorten(data.names[group])),
    x: [null],
    y: [null],
    visible: hidden.has(group) ? "legendonly" : true,
    marker: { color: colourOf(group), symbol: symbolOf(group), size: 8 },
  };
}

// plotly reads a name as HTML, links and all.
const plain = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

const shorten = (text) => (text.length > 22 ? `${text.slice(0, 21)}…` : text);

function layoutOf(plot) {
  return {
    ...surroundings(plot),
    uirevision: plot.data.version,
    selections: outlines(plot.data.selection),
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

// ---- selecting

const CLEAR = { kind: "clear" };

function outlines(selection) {
  if (selection?.kind === "box") {
    const [[x0, x1], [y0, y1]] = [selection.x, selection.y];
    return [{ type: "rect", xref: "x", yref: "y", x0, x1, y0, y1 }];
  }
  if (selection?.kind !== "lasso") return [];
  const corners = selection.x.map((x, place) => `${x},${selection.y[place]}`);
  return [{ type: "path", xref: "x", yref: "y", path: `M${corners.join("L")}Z` }];
}

function readOutline(outline) {
  if (outline.type === "rect") {
    const ascending = (first, second) => [Math.min(first, second), Math.max(first, second)];
    const { x0, x1, y0, y1 } = outline;
    return { kind: "box", x: ascending(x0, x1), y: ascending(y0, y1) };
  }
  const corners = outline.path.slice(1, -1).split("L").map((corner) => corner.split(",").map(Number));
  return { kind: "lasso", x: corners.map(([x]) => x), y: corners.map(([, y]) => y) };
}

async function dismiss(Plotly, plot) {
  plot.clears = plot.data.clears;
  plot.last = CLEAR;
  await Plotly.update(plot.host, { selectedpoints: [null] }, { selections: [] });
}

function listen(Plotly, plot) {
  const { host } = plot;
  const tip = plot.root.querySelector(".workbench-scatter-tip");
  const placeOf = (event) => plot.kept[event.points[0].pointNumber];
  host.on("plotly_selected", () => {
    report(plot);
    enqueue(plot, () => keepLastOutline(Plotly, plot));
  });
  host.on("plotly_deselect", () => report(plot, CLEAR)); // comes before the outline goes
  host.on("plotly_restyle", ([change]) => "visible" in change && enqueue(plot, () => hide(Plotly, plot)));
  host.on("plotly_click", (event) => plot.send({ kind: "click", index: placeOf(event) }));
  host.on("plotly_webglcontextlost", () => complain(plot, LOST));
  host.on("plotly_unhover", () => (tip.hidden = true));
  host.on("plotly_hover", (event) => {
    const box = plot.root.getBoundingClientRect();
    const { clientX, clientY } = event.event;
    tip.textContent = plot.data.names[plot.groups[placeOf(event)]];
    tip.hidden = false;
    tip.style.left = `${Math.min(clientX - box.left + 14, box.width - tip.offsetWidth)}px`;
    tip.style.top = `${clientY - box.top + 14}px`;
  });
}

const hiddenGroups = ({ host, shown }) =>
  shown.filter((_, place) => host.data[place + 1].visible === "legendonly");

async function hide(Plotly, plot) {
  const { x, y, marker } = columnsOf(plot, new Set(hiddenGroups(plot)));
  const { color, symbol } = marker;
  const columns = { x: [x], y: [y], "marker.color": [color], "marker.symbol": [symbol] };
  await Plotly.restyle(plot.host, columns, [0]);
  report(plot);
}

// With shift plotly keeps older outlines too; the page knows of one.
async function keepLastOutline(Plotly, { host }) {
  const { selections } = host.layout;
  if (selections?.length > 1) await Plotly.relayout(host, { selections: selections.slice(-1) });
}

function currentSelection(plot) {
  const outline = plot.host.layout.selections?.at(-1);
  return outline ? { ...readOutline(outline), hidden: hiddenGroups(plot) } : CLEAR;
}

function report(plot, event = currentSelection(plot)) {
  if (JSON.stringify(event) === JSON.stringify(plot.last)) return; // plotly says some things twice
  plot.last = event;
  plot.send(event);
}
