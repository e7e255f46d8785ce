// Where a crop lies and what becomes of it: numbers in, numbers out. core/cropping.py does the same.

const inside = (value, low = 0, high = 1) => Math.min(Math.max(value, low), high);
const coversFrame = ({ left, top, right, bottom }) =>
  left <= 0 && top <= 0 && right >= 1 && bottom >= 1;

// The picture after its quarter turns, in pixels of the original, and how much its picture is
// enlarged to cover it when it is turned a little further.
function frameOf({ width, height }, { turns, angle }) {
  const [across, down] = turns % 2 ? [height, width] : [width, height];
  const tilt = (Math.abs(angle) * Math.PI) / 180;
  const long = Math.max(width, height) / Math.min(width, height);
  return { width: across, height: down, zoom: Math.cos(tilt) + Math.sin(tilt) * long };
}

const sizeOf = ({ width, height, zoom }, { left, top, right, bottom }) => ({
  across: ((right - left) * width) / zoom,
  down: ((bottom - top) * height) / zoom,
});

// The least width and height of a crop, as fractions.
function leastOf(data, crop, area) {
  const { width, height, zoom } = frameOf(data, crop);
  const least = (length, shown) =>
    Math.min(1, Math.max((data.least * zoom) / length, LEAST_PX / shown));
  return { x: least(width, area.width), y: least(height, area.height) };
}

// Of what is scaled by its short side, the network gets the middle.
function middleSquare(across, down) {
  const [x, y] = [Math.min(1, down / across), Math.min(1, across / down)];
  return { left: (1 - x) / 2, top: (1 - y) / 2, right: (1 + x) / 2, bottom: (1 + y) / 2 };
}

function moved(crop, by) {
  const x = inside(by.x, -crop.left, 1 - crop.right);
  const y = inside(by.y, -crop.top, 1 - crop.bottom);
  const { left, top, right, bottom } = crop;
  return { ...crop, left: left + x, top: top + y, right: right + x, bottom: bottom + y };
}

function resized(crop, edges, by, least) {
  const { left, top, right, bottom } = crop;
  const next = { ...crop };
  if (edges.includes("w")) next.left = inside(left + by.x, 0, Math.max(0, right - least.x));
  if (edges.includes("e")) next.right = inside(right + by.x, Math.min(1, left + least.x), 1);
  if (edges.includes("n")) next.top = inside(top + by.y, 0, Math.max(0, bottom - least.y));
  if (edges.includes("s")) next.bottom = inside(bottom + by.y, Math.min(1, top + least.y), 1);
  return next;
}

function drawn(crop, from, to, least) {
  const [left, right] = span(from.x, to.x, least.x);
  const [top, bottom] = span(from.y, to.y, least.y);
  return { ...crop, left, top, right, bottom };
}

function span(from, to, least) {
  if (Math.abs(to - from) >= least) return [Math.min(from, to), Math.max(from, to)];
  const low = inside(to < from ? from - least : from, 0, 1 - least);
  return [low, low + least];
}

// The crop goes round with its picture.
function turned(crop, quarters) {
  let next = crop;
  for (let done = 0; done < quarters; done += 1) {
    const { left, top, right, bottom, turns } = next;
    const edges = { left: 1 - bottom, top: left, right: 1 - top, bottom: right };
    next = { ...next, ...edges, turns: (turns + 1) % 4 };
  }
  return next;
}

// In the order in which the page names them, so that equal crops are equal texts.
function rounded(crop) {
  const fine = (value) => Math.round(value * 1e5) / 1e5;
  const [left, top, right, bottom] = [crop.left, crop.top, crop.right, crop.bottom].map(fine);
  return { left, top, right, bottom, turns: crop.turns, angle: crop.angle };
}

function place(node, { left, top, right, bottom }) {
  node.style.left = `${100 * left}%`;
  node.style.top = `${100 * top}%`;
  node.style.width = `${100 * (right - left)}%`;
  node.style.height = `${100 * (bottom - top)}%`;
}

// In shares of the frame, whose width a turned picture takes as its height.
function placeImage(image, { width, height }, frame, { turns, angle }) {
  image.style.width = `${(100 * width) / frame.width}%`;
  image.style.height = `${(100 * height) / frame.height}%`;
  const degrees = 90 * turns + angle;
  image.style.transform = `translate(-50%, -50%) rotate(${degrees}deg) scale(${frame.zoom})`;
}
