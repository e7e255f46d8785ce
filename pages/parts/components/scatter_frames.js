// The same points at several times: a slider, and a button that plays them one after the other.

const MOVES_MS = 500;
const STEPS = 12;
const STAYS_MS = 500;

function takeFrames(plot) {
  const { frames } = plot.data;
  plot.frames = frames.map((frame) => ({
    name: frame.name,
    x: decode(frame.x, Float32Array),
    y: decode(frame.y, Float32Array),
  }));
  plot.frame = frames.length - 1;
  stop(plot);
  const bar = plot.root.querySelector(".workbench-scatter-frames");
  bar.hidden = !frames.length;
  if (!frames.length) return;
  const [slider, button] = [bar.querySelector("input"), bar.querySelector("button")];
  slider.max = plot.frame;
  slider.oninput = () => {
    const wanted = Number(slider.value); // `stop` puts it back
    stop(plot);
    goTo(plot, wanted);
  };
  button.onclick = () => (plot.playing ? stop(plot) : play(plot));
  tell(plot);
}

function tell(plot) {
  const bar = plot.root.querySelector(".workbench-scatter-frames");
  const button = bar.querySelector("button");
  bar.querySelector("input").value = plot.frame;
  bar.querySelector("span").textContent = plot.frames[plot.frame]?.name ?? "";
  button.textContent = plot.playing ? "❚❚" : "▶";
  button.setAttribute("aria-label", plot.playing ? "Pause" : "Play");
  plot.root.dataset.frame = plot.frame; // tests wait for it
}

async function play(plot) {
  const token = (plot.playing = {});
  if (plot.frame === plot.frames.length - 1) await goTo(plot, 0);
  while (plot.playing === token && plot.frame < plot.frames.length - 1) {
    await rest(STAYS_MS);
    if (plot.playing === token) await goTo(plot, plot.frame + 1);
  }
  if (plot.playing === token) stop(plot);
}

function stop(plot) {
  plot.playing = null;
  if (plot.frames.length) tell(plot);
}

const rest = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// What was drawn around lies elsewhere now, so the outline goes.
function goTo(plot, frame) {
  plot.frame = frame;
  tell(plot);
  return enqueue(plot, async () => {
    if (plot.frame !== frame) return; // Another one is wanted by now
    if (plot.host.layout.selections?.length) {
      await window.Plotly.update(plot.host, { selectedpoints: [null] }, { selections: [] });
      report(plot, CLEAR);
    }
    const [fromX, fromY] = [plot.x, plot.y];
    const { x, y } = plot.frames[frame];
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    for (let step = still ? STEPS : 1; step <= STEPS && plot.frame === frame; step++) {
      const share = step / STEPS;
      plot.x = x.map((goal, index) => fromX[index] + share * (goal - fromX[index]));
      plot.y = y.map((goal, index) => fromY[index] + share * (goal - fromY[index]));
      const take = (from) => [Float32Array.from(plot.kept, (index) => from[index])];
      await window.Plotly.restyle(plot.host, { x: take(plot.x), y: take(plot.y) }, [plot.cloud]);
      if (step < STEPS) await rest(MOVES_MS / STEPS / 2);
    }
    await fit(window.Plotly, plot);
    pin(plot);
  });
}
