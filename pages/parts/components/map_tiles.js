// Requests the tile of the part of a map that is shown, and passes the response to the scatter plot.

const links = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const node = parentElement.querySelector("span");
  const link = links.get(node) ?? newLink(node);
  link.channel = data.channel;
  link.send = (request) => setTriggerValue("requested", request);
  if (data.tile) {
    const detail = { channel: data.channel, tile: data.tile };
    document.dispatchEvent(new CustomEvent("workbench-tile", { detail }));
  }
  // Streamlit also calls this for a run that a newer one replaced, while the link is still in use
  return () => setTimeout(() => node.isConnected || forget(link));
}

function newLink(node) {
  const link = { node };
  link.request = ({ detail }) => detail.channel === link.channel && link.send(detail.request);
  document.addEventListener("workbench-tile-request", link.request);
  links.set(node, link);
  return link;
}

function forget(link) {
  document.removeEventListener("workbench-tile-request", link.request);
  links.delete(link.node);
}
