// How numbers become colors, for regions.js.

const FINE = 16; // pixels a place
const STEPS = 32767; // as regions.py has it
const WARM = [[255, 214, 64], [222, 45, 20]]; // from weak to strong
const COLD = [[150, 205, 255], [24, 72, 205]];

function decoded({ matrix, greatest }) {
  const bytes = Uint8Array.from(atob(matrix), (letter) => letter.charCodeAt(0));
  return Float32Array.from(new Int16Array(bytes.buffer), (step) => (step / STEPS) * greatest);
}

// Whatever is strongest in a picture is drawn as strong as can be: places are many, each adds little.
function paint(canvas, values, { rows, columns }) {
  [canvas.width, canvas.height] = [columns * FINE, rows * FINE];
  const greatest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  const context = canvas.getContext("2d");
  const picture = context.createImageData(canvas.width, canvas.height);
  for (let y = 0; y < canvas.height; y++) {
    for (let x = 0; x < canvas.width; x++) {
      const value = between(values, rows, columns, (y + 0.5) / FINE - 0.5, (x + 0.5) / FINE - 0.5);
      picture.data.set(colorOf(value / greatest), 4 * (y * canvas.width + x));
    }
  }
  context.putImageData(picture, 0, 0);
}

// Between the centers of places linearly, beyond the outermost as at these.
function between(values, rows, columns, row, column) {
  const [top, left] = [Math.floor(row), Math.floor(column)];
  const at = (r, c) =>
    values[Math.min(Math.max(r, 0), rows - 1) * columns + Math.min(Math.max(c, 0), columns - 1)];
  const across = (r) => at(r, left) + (column - left) * (at(r, left + 1) - at(r, left));
  return across(top) + (row - top) * (across(top + 1) - across(top));
}

// From -1 to 1: cold to warm, and clear at 0.
function colorOf(share) {
  const size = Math.min(1, Math.abs(share));
  const [weak, strong] = share < 0 ? COLD : WARM;
  return [...weak.map((value, i) => value + size * (strong[i] - value)), 255 * Math.sqrt(size)];
}

function paintLegend(canvas) {
  const context = canvas.getContext("2d");
  const picture = context.createImageData(canvas.width, 1);
  for (let x = 0; x < canvas.width; x++) {
    picture.data.set(colorOf((2 * x) / (canvas.width - 1) - 1), 4 * x);
  }
  context.putImageData(picture, 0, 0);
}
