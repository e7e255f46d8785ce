// Frames: the same points at several times, with a slider and a play button.

const TRANSITION_MS = 500;
const STEPS = 12;
const PAUSE_MS = 500;

function setFrames(plot) {
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
    const target = Number(slider.value); // `stop` resets it
    stop(plot);
    goTo(plot, target);
  };
  button.onclick = () => (plot.playing ? stop(plot) : play(plot));
  showState(plot);
}

function showState(plot) {
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
    await pause(PAUSE_MS);
    if (plot.playing === token) await goTo(plot, plot.frame + 1);
  }
  if (plot.playing === token) stop(plot);
}

function stop(plot) {
  plot.playing = null;
  if (plot.frames.length) showState(plot);
}

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// The selected points move, so the outline is removed.
function goTo(plot, frame) {
  plot.frame = frame;
  showState(plot);
  return enqueue(plot, async () => {
    if (plot.frame !== frame) return; // a newer target replaced it
    if (plot.host.layout.selections?.length) {
      await window.Plotly.update(plot.host, { selectedpoints: [null] }, { selections: [] });
      report(plot, CLEAR);
    }
    const [fromX, fromY] = [plot.x, plot.y];
    const { x, y } = plot.frames[frame];
    const jumps = matchMedia("(prefers-reduced-motion: reduce)").matches;
    for (let step = jumps ? STEPS : 1; step <= STEPS && plot.frame === frame; step++) {
      const share = step / STEPS;
      plot.x = x.map((goal, index) => fromX[index] + share * (goal - fromX[index]));
      plot.y = y.map((goal, index) => fromY[index] + share * (goal - fromY[index]));
      const take = (from) => [Float32Array.from(plot.visible, (index) => from[index])];
      await window.Plotly.restyle(plot.host, { x: take(plot.x), y: take(plot.y) }, [plot.cloud]);
      if (step < STEPS) await pause(TRANSITION_MS / STEPS / 2);
    }
    await fit(window.Plotly, plot);
    pin(plot);
  });
}
