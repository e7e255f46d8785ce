// Tiles: of a map of very many points the browser has a picture of the part that is shown and some of
// its points. The page draws tiles by another component (map_tiles.js), so that a request does not
// rerun it.

const TILE_WAIT_MS = 80;
const TILE_FADED = 0.08;

// The points of a tile, under their places on the whole map, as if all points were there.
function setTile(plot, tile) {
  plot.tile = tile;
  plot.places = decode(tile.places, Uint32Array);
  plot.selected = tile.selected && decode(tile.selected, Uint8Array);
  [plot.x, plot.y, plot.z, plot.groups] = [{}, {}, null, {}];
  plot.values = tile.values && {};
  addPoints(plot, tile);
}

// Adds points that are marked on the map, wherever they are.
function addPoints(plot, { places, x, y, groups, values }) {
  const at = decode(places, Uint32Array);
  const columns = [[plot.x, x], [plot.y, y], [plot.values, values]];
  for (const [column, text] of columns) {
    if (!column || !text) continue;
    const numbers = decode(text, Float32Array);
    at.forEach((place, number) => (column[place] = numbers[number]));
  }
  const ofPoints = decode(groups, Uint16Array);
  at.forEach((place, number) => (plot.groups[place] = ofPoints[number]));
}

function imagesOf({ tile }) {
  if (!tile?.src) return [];
  const { src: source, low, high } = tile;
  const [width, height] = [high[0] - low[0], high[1] - low[1]];
  return [{
    source, xref: "x", yref: "y", x: low[0], y: high[1], sizex: width, sizey: height,
    sizing: "stretch", layer: "below",
  }];
}

// Points under a picture are there to be hovered and clicked, and not seen.
function opacitiesOf({ tile, selected }) {
  if (!tile) {
    return { "marker.opacity": OPACITY, "selected.marker.opacity": 1, "unselected.marker.opacity": 0.08 };
  }
  const single = selected ? Array.from(selected, (is) => (is ? OPACITY : TILE_FADED)) : OPACITY;
  return {
    "marker.opacity": tile.src ? 0 : single,
    "selected.marker.opacity": tile.src ? 0 : 1,
    "unselected.marker.opacity": tile.src ? 0 : TILE_FADED,
  };
}

function watchTiles(plot) {
  plot.host.on("plotly_relayout", () => wantTile(plot));
  plot.takeTile = ({ detail }) => {
    const { channel, tile } = detail;
    if (channel !== plot.data.channel || tile.version !== plot.drawn || !plot.tile) return;
    enqueue(plot, () => (tile.key === plot.wanted ? showTile(plot, tile) : undefined));
  };
  document.addEventListener("workbench-tile", plot.takeTile);
}

// Asks for the tile of the part that is shown, unless it was the last to be asked for.
function wantTile(plot) {
  if (!plot.tile) return;
  const { xaxis, yaxis, _size: size } = plot.host._fullLayout;
  const [[left, right], [lower, upper]] = [xaxis.range, yaxis.range];
  const request = {
    version: plot.drawn,
    low: [left, lower],
    high: [right, upper],
    width: Math.round(size.w),
    height: Math.round(size.h),
    hidden: hiddenGroups(plot),
  };
  request.key = JSON.stringify([request, plot.data.stamp]);
  if (request.key === plot.wanted) return;
  plot.wanted = request.key;
  clearTimeout(plot.asking);
  const detail = { channel: plot.data.channel, request };
  const ask = () => document.dispatchEvent(new CustomEvent("workbench-tile-request", { detail }));
  plot.asking = setTimeout(ask, TILE_WAIT_MS);
}

async function showTile(plot, tile) {
  setTile(plot, tile);
  if (plot.data.known) addPoints(plot, plot.data.known);
  const { marker, ...axes } = columnsOf(plot, new Set());
  const columns = Object.entries({ ...axes, "marker.color": marker.color, ...opacitiesOf(plot) });
  const restyle = Object.fromEntries(columns.map(([name, values]) => [name, [values]]));
  const size = { "marker.size": sizeOf(plot.places.length) };
  await window.Plotly.update(
    plot.host,
    { ...restyle, ...size, selectedpoints: [null] },
    { images: imagesOf(plot) },
    [plot.cloud],
  );
  plot.root.dataset.tile = tile.key; // tests wait for it
}
