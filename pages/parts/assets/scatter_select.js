// What a person does on the plot, and how it is told to the page.

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
  const tip = plot.root.querySelector(".workbench-scatter-tip");
  const placeOf = (event) => plot.kept[event.points[0].pointNumber];
  host.on("plotly_selected", () => {
    report(plot);
    enqueue(plot, () => keepLastOutline(Plotly, plot));
  });
  host.on("plotly_deselect", () => report(plot, CLEAR)); // comes before the outline goes
  host.on("plotly_restyle", ([change]) => {
    if ("visible" in change) enqueue(plot, () => hide(Plotly, plot));
  });
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
  shown.filter((_, place) => host.data[place].visible === "legendonly");

async function hide(Plotly, plot) {
  const { x, y, marker } = columnsOf(plot, new Set(hiddenGroups(plot)));
  const { color, symbol } = marker;
  const columns = { x: [x], y: [y], "marker.color": [color], "marker.symbol": [symbol] };
  await Plotly.restyle(plot.host, columns, [plot.shown.length]);
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
