// Events: selections, clicks and the legend, reported to the page.

const CLEAR = { kind: "clear" };

function outlines(selection, line) {
  if (selection?.kind === "box") {
    const [[x0, x1], [y0, y1]] = [selection.x, selection.y];
    return [{ type: "rect", xref: "x", yref: "y", x0, x1, y0, y1, line }];
  }
  if (selection?.kind !== "lasso") return [];
  const corners = selection.x.map((x, place) => `${x},${selection.y[place]}`);
  return [{ type: "path", xref: "x", yref: "y", path: `M${corners.join("L")}Z`, line }];
}

function readOutline(outline) {
  if (outline.type === "rect") {
    const ascending = (first, second) => [Math.min(first, second), Math.max(first, second)];
    const { x0, x1, y0, y1 } = outline;
    return { kind: "box", x: ascending(x0, x1), y: ascending(y0, y1) };
  }
  const pairs = outline.path.slice(1, -1).split("L"); // M1,2L3,4L5,6Z
  const corners = pairs.map((pair) => pair.split(",").map(Number));
  return { kind: "lasso", x: corners.map(([x]) => x), y: corners.map(([, y]) => y) };
}

async function dismiss(Plotly, plot) {
  plot.clears = plot.data.clears;
  plot.last = CLEAR;
  await Plotly.update(plot.host, { selectedpoints: [null] }, { selections: [] });
}

function listen(Plotly, plot) {
  const { host } = plot;
  hoverAtPress(Plotly, host);
  host.on("plotly_selected", () => {
    report(plot);
    enqueue(plot, () => keepLastOutline(Plotly, plot));
  });
  host.on("plotly_deselect", () => report(plot, CLEAR)); // fires before the outline is removed
  host.on("plotly_restyle", ([change]) => {
    if ("visible" in change) enqueue(plot, () => hide(Plotly, plot));
  });
  host.on("plotly_click", (event) => plot.send({ kind: "click", index: placeOf(plot, event) }));
  host.on("plotly_webglcontextlost", () => complain(plot, LOST));
  host.on("plotly_afterplot", () => pin(plot));
  host.on("plotly_relayouting", () => pin(plot));
  watchPointer(plot);
  watchTiles(plot);
}

const hiddenGroups = ({ host, shown }) =>
  shown.filter((_, place) => host.data[place].visible === "legendonly");

// Groups chosen on the page are set in the legend, where the user may change them.
async function isolate(Plotly, plot) {
  plot.only = JSON.stringify(plot.data.only);
  const hidden = othersThan(plot, plot.data.only);
  const visible = plot.shown.map((group) => (hidden.includes(group) ? "legendonly" : true));
  if (visible.length) await Plotly.restyle(plot.host, { visible }, [...plot.shown.keys()]);
}

async function hide(Plotly, plot) {
  const { marker, ...axes } = columnsOf(plot, new Set(hiddenGroups(plot)));
  const places = Object.entries(axes).map(([axis, values]) => [axis, [values]]);
  const columns = { "marker.color": [marker.color], "marker.symbol": [marker.symbol] };
  if (plot.tile) wantTile(plot);
  else await Plotly.restyle(plot.host, { ...Object.fromEntries(places), ...columns }, [plot.cloud]);
  report(plot);
}

// With shift plotly keeps older outlines too; the page supports one.
async function keepLastOutline(Plotly, { host }) {
  const { selections } = host.layout;
  if (selections?.length > 1) await Plotly.relayout(host, { selections: selections.slice(-1) });
}

function currentSelection(plot) {
  const outline = plot.host.layout.selections?.at(-1);
  if (!outline) return CLEAR;
  return { ...readOutline(outline), hidden: hiddenGroups(plot), frame: plot.frame };
}

function report(plot, event = currentSelection(plot)) {
  if (JSON.stringify(event) === JSON.stringify(plot.last)) return; // plotly fires some events twice
  plot.last = event;
  plot.send(event);
}
