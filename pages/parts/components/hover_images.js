// Requests the image under the resting pointer of a scatter plot, and passes the response to it.

const links = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const node = parentElement.querySelector("span");
  const link = links.get(node) ?? newLink(node);
  link.channel = data.channel;
  link.send = (index) => setTriggerValue("requested", index);
  const detail = { channel: data.channel, images: data.images };
  document.dispatchEvent(new CustomEvent("workbench-hover-images", { detail }));
  // Streamlit also calls this for a run that a newer one replaced, while the link is still in use
  return () => setTimeout(() => node.isConnected || forget(link));
}

function newLink(node) {
  const link = { node };
  link.request = ({ detail }) => detail.channel === link.channel && link.send(detail.index);
  document.addEventListener("workbench-hover-request", link.request);
  links.set(node, link);
  return link;
}

function forget(link) {
  document.removeEventListener("workbench-hover-request", link.request);
  links.delete(link.node);
}
