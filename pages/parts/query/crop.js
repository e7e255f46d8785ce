// One picture and the crop on it, in fractions of the turned picture. It is drawn here at once, and
// told to the page when a drag, a key or a button has ended. What the page says counts for a picture
// that is new here; from then on the hand leads. crop.py joins this and crop_shapes.js to one module.

const CLICK_PX = 4; // a shorter drag is a click, and draws nothing
const LEAST_PX = 14; // on the screen: a smaller crop could not be taken hold of
const STEP = 0.01;
const WHOLE = { left: 0, top: 0, right: 1, bottom: 1, turns: 0, angle: 0 };
const ARROWS = {
  ArrowLeft: { x: -STEP, y: 0 },
  ArrowRight: { x: STEP, y: 0 },
  ArrowUp: { x: 0, y: -STEP },
  ArrowDown: { x: 0, y: STEP },
};

const tools = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".tool");
  const tool = tools.get(root) ?? newTool(root);
  tool.send = (crop) => setStateValue("crop", crop);
  const another = tool.data?.picture !== data.picture;
  tool.data = data;
  if (another) begin(tool);
}

function newTool(root) {
  const find = (selector) => root.querySelector(selector);
  const tool = { root, stage: find(".stage"), box: find(".crop"), slider: find("input") };
  tools.set(root, tool);
  listenToPointer(tool);
  listenToKeys(tool);
  for (const button of root.querySelectorAll(".turn")) {
    const quarters = Number(button.dataset.turns);
    button.addEventListener("click", () => act(tool, turned(tool.crop, quarters)));
  }
  find(".reset").addEventListener("click", () => act(tool, WHOLE));
  tool.slider.addEventListener("input", () => {
    change(tool, { ...tool.crop, angle: Number(tool.slider.value) });
  });
  tool.slider.addEventListener("change", () => tool.keyIsDown || settle(tool));
  return tool;
}

function begin(tool) {
  const { picture, crop, src, most_angle } = tool.data;
  Object.assign(tool, { picture, drag: null, keyIsDown: false });
  tool.slider.min = -most_angle;
  tool.slider.max = most_angle;
  tool.root.querySelector("img").src = src;
  tool.told = JSON.stringify(crop);
  change(tool, crop);
}

function change(tool, crop) {
  tool.crop = crop;
  show(tool);
}

function act(tool, crop) {
  change(tool, crop);
  settle(tool);
}

// Tell the page, if there is something new.
function settle(tool) {
  const crop = rounded(tool.crop);
  const told = JSON.stringify(crop);
  if (told === tool.told) return;
  tool.told = told;
  tool.send({ picture: tool.picture, ...crop });
}

function show({ root, stage, box, slider, data, crop }) {
  const frame = frameOf(data, crop);
  stage.style.setProperty("--aspect", frame.width / frame.height);
  placeImage(root.querySelector("img"), data, frame, crop);
  const { across, down } = sizeOf(frame, crop);
  place(root.querySelector(".kept"), crop);
  place(box, crop);
  place(root.querySelector(".seen"), middleSquare(across, down));
  for (const each of root.querySelectorAll(".seen, .hint span")) each.hidden = data.squashed;

  const whole = JSON.stringify(rounded(crop)) === JSON.stringify(WHOLE);
  stage.classList.toggle("whole", coversFrame(crop));
  root.querySelector(".reset").disabled = whole;
  slider.value = crop.angle;
  root.querySelector("output").textContent = `${crop.angle}°`;
  const size = `${Math.round(across)} × ${Math.round(down)}`;
  const of = whole ? "" : ` of ${data.width} × ${data.height}`;
  root.querySelector(".size").textContent = `${size}${of} pixels`;
  const [left, top] = [crop.left, crop.top].map((edge) => `${Math.round(100 * edge)} %`);
  box.setAttribute("aria-label", `Crop, ${size} pixels, ${left} from the left, ${top} from the top`);
}

function listenToPointer(tool) {
  const { stage, box } = tool;
  stage.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button !== 0 || tool.drag) return;
    event.preventDefault(); // or a text would be selected
    box.focus({ preventScroll: true });
    box.classList.add("by-hand"); // the ring of the focus would hide what is drawn
    stage.setPointerCapture(event.pointerId);
    const edges = event.target.dataset?.edges;
    const moves = !edges && event.target.closest(".crop") && !coversFrame(tool.crop);
    tool.drag = { x: event.clientX, y: event.clientY, before: tool.crop, edges, moves, far: false };
  });
  stage.addEventListener("pointermove", (event) => {
    if (tool.drag && event.isPrimary) follow(tool, event.clientX, event.clientY);
  });
  stage.addEventListener("pointerup", (event) => {
    if (!tool.drag || !event.isPrimary) return;
    tool.drag = null;
    settle(tool);
  });
  stage.addEventListener("pointercancel", () => giveUp(tool));
}

function follow(tool, clientX, clientY) {
  const { drag, stage, data } = tool;
  drag.far ||= Math.hypot(clientX - drag.x, clientY - drag.y) >= CLICK_PX;
  if (!drag.far) return;
  const area = stage.getBoundingClientRect();
  const at = (x, y) => ({
    x: inside((x - area.left) / area.width),
    y: inside((y - area.top) / area.height),
  });
  const by = { x: (clientX - drag.x) / area.width, y: (clientY - drag.y) / area.height };
  const least = leastOf(data, drag.before, area);
  if (drag.moves) change(tool, moved(drag.before, by));
  else if (drag.edges) change(tool, resized(drag.before, drag.edges, by, least));
  else change(tool, drawn(drag.before, at(drag.x, drag.y), at(clientX, clientY), least));
}

function giveUp(tool) {
  if (!tool.drag) return;
  change(tool, tool.drag.before);
  tool.drag = null;
}

// A key that is held down repeats: the page is told when it is let go.
function listenToKeys(tool) {
  const { root, box, stage } = tool;
  box.addEventListener("blur", () => box.classList.remove("by-hand"));
  box.addEventListener("keydown", (event) => {
    box.classList.remove("by-hand");
    const by = ARROWS[event.key];
    const modified = event.ctrlKey || event.metaKey || event.altKey;
    const used = by ? !tool.drag && !modified : tool.drag && event.key === "Escape";
    if (!used) return;
    event.preventDefault();
    event.stopPropagation(); // or a page's shortcut would use it too
    if (!by) return giveUp(tool);
    tool.keyIsDown = true;
    const least = leastOf(tool.data, tool.crop, stage.getBoundingClientRect());
    change(tool, event.shiftKey ? resized(tool.crop, "se", by, least) : moved(tool.crop, by));
  });
  tool.slider.addEventListener("keydown", () => (tool.keyIsDown = true));
  for (const name of ["keyup", "focusout"]) {
    root.addEventListener(name, () => {
      if (!tool.keyIsDown) return;
      tool.keyIsDown = false;
      settle(tool);
    });
  }
}
