// Lifecycle of a scatter plot. It is drawn once a version; later runs update the highlight, the theme
// and the selection. scatter.py joins this file and the other scatter_*.js to one module.

const NO_WEBGL =
  "WebGL is off in this browser. Turn on hardware acceleration in its settings.";
const LOST = "The browser stopped drawing the map. Reload the page.";
const FAILED = "The map could not be drawn. Reload the page.";

const plots = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".workbench-scatter");
  const plot = plots.get(root) ?? newPlot(root);
  plot.data = data;
  plot.send = (event) => setTriggerValue("event", event);
  plot.host.style.height = data.height;
  update(plot);
  // Streamlit also calls this for a run that a newer one replaced, while the plot is still in use
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
  plot.playing = null;
  plot.watcher.disconnect();
  document.removeEventListener("workbench-hover-images", plot.receive);
  document.removeEventListener("workbench-tile", plot.takeTile);
  clearTimeout(plot.asking);
  plots.delete(plot.root);
  plot.queue = plot.queue.then(() => {
    const canvases = [...plot.host.querySelectorAll("canvas")];
    if (plot.drawn) window.Plotly.purge(plot.host);
    // A browser has about 16 WebGL contexts, and collects unused ones late
    for (const canvas of canvases) {
      canvas.getContext("webgl")?.getExtension("WEBGL_lose_context")?.loseContext();
    }
  });
}

const update = (plot) => enqueue(plot, () => applyChanges(plot));

// One change after the other: plotly's calls are asynchronous and must not overlap.
function enqueue(plot, change) {
  plot.queue = plot.queue.then(() => plot.gone || change()).catch((error) => {
    console.error(error);
    complain(plot, FAILED);
  });
  return plot.queue;
}

async function applyChanges(plot) {
  if (!hasWebGL()) return complain(plot, NO_WEBGL);
  const Plotly = await loadPlotly(plot.data.script);
  if (plot.gone || !plot.host.clientWidth) return; // in a closed tab; the watcher updates it later
  if (plot.drawn !== plot.data.version) await draw(Plotly, plot);
  else if (plot.clears !== plot.data.clears) await dismiss(Plotly, plot);
  if (plot.tile && plot.data.known) addPoints(plot, plot.data.known);
  if (plot.only !== JSON.stringify(plot.data.only)) await isolate(Plotly, plot);
  await fit(Plotly, plot);
  await mark(Plotly, plot);
  await showMarked(Plotly, plot);
  pin(plot);
  if (plot.tile && (plot.stamp !== plot.data.stamp || hiddenGroups(plot).length)) {
    plot.stamp = plot.data.stamp; // that of the selection
    wantTile(plot);
  }
  plot.root.dataset.drawn = plot.drawn; // tests wait for it
}

function hasWebGL() {
  if (hasWebGL.result === undefined) {
    const context = document.createElement("canvas").getContext("webgl");
    hasWebGL.result = Boolean(context);
    context?.getExtension("WEBGL_lose_context")?.loseContext();
  }
  return hasWebGL.result;
}

function complain(plot, sentence) {
  const problem = plot.root.querySelector(".workbench-scatter-problem");
  problem.textContent = sentence;
  problem.hidden = false;
  plot.host.hidden = true;
}
