// Lifecycle of a figure that is updated in place and keeps its zoom. plot.py joins this file and the
// plotly_*.js to one module.

const FAILED = "The plot could not be drawn. Reload the page.";
const CONFIG = { displayModeBar: false, plotlyServerURL: "" };

const plots = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".workbench-plot");
  const plot = plots.get(root) ?? newPlot(root);
  plot.data = data;
  plot.click = (point) => data.clickable && setTriggerValue("clicked", point);
  plot.host.style.height = `${data.height}px`;
  update(plot);
  // Streamlit also calls this for a run that a newer one replaced, while the plot is still in use
  return () => setTimeout(() => root.isConnected || destroy(plot));
}

function newPlot(root) {
  const host = root.querySelector(".workbench-plot-host");
  const plot = { root, host, queue: Promise.resolve(), held: false, gone: false };
  plot.watcher = new ResizeObserver(() => update(plot));
  plot.watcher.observe(host);
  plot.release = () => plot.held && setTimeout(() => { // plotly handles the click before a redraw
    plot.held = false;
    if (plot.missed) update(plot);
  });
  host.addEventListener("pointerdown", () => (plot.held = true), true);
  window.addEventListener("pointerup", plot.release);
  plots.set(root, plot);
  return plot;
}

function destroy(plot) {
  plot.gone = true;
  plot.watcher.disconnect();
  window.removeEventListener("pointerup", plot.release);
  plots.delete(plot.root);
  plot.queue = plot.queue.then(() => window.Plotly?.purge(plot.host));
}

// One change after the other: plotly's calls are asynchronous and must not overlap.
function update(plot) {
  plot.queue = plot.queue.then(() => plot.gone || draw(plot)).catch((error) => {
    console.error(error);
    plot.host.textContent = FAILED;
  });
}

async function draw(plot) {
  const { data, host, root } = plot;
  const Plotly = await loadPlotly(data.script);
  plot.missed = plot.held;
  if (plot.held || !host.clientWidth) return; // during a zoom, or in a closed tab
  await Plotly.react(host, data.traces, layoutOf(host, data), CONFIG);
  if (!plot.listens) {
    plot.listens = true; // plotly adds `on` to the host with the first drawing
    hoverAtPress(Plotly, host);
    host.on("plotly_click", ({ points: [{ x, y }] }) => plot.click({ x: `${x}`, y: `${y}` }));
  }
  host.style.cursor = data.clickable ? "pointer" : "";
  root.dataset.drawn = data.traces.length; // tests wait for it
}

function layoutOf(host, { layout, height }) {
  const style = getComputedStyle(host);
  const of = (name) => style.getPropertyValue(`--st-${name}`);
  const axis = { gridcolor: of("border-color"), zeroline: false, automargin: true };
  return {
    ...layout,
    width: host.clientWidth,
    height,
    font: { color: of("text-color"), family: of("font"), size: 12 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    hoverlabel: { font: { family: of("font") } },
    xaxis: { ...axis, ...layout.xaxis },
    yaxis: { ...axis, ...layout.yaxis },
  };
}
