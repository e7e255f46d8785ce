// Between a map and the page: asks for the picture under the resting pointer, hands on what comes.

const links = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const node = parentElement.querySelector("span");
  const link = links.get(node) ?? newLink(node);
  link.channel = data.channel;
  link.send = (index) => setTriggerValue("wanted", index);
  const detail = { channel: data.channel, pictures: data.pictures };
  document.dispatchEvent(new CustomEvent("workbench-pictures", { detail }));
  // Streamlit also calls this for a run that the next overtook, while the link is still in use
  return () => setTimeout(() => node.isConnected || forget(link));
}

function newLink(node) {
  const link = { node };
  link.ask = ({ detail }) => detail.channel === link.channel && link.send(detail.index);
  document.addEventListener("workbench-rests", link.ask);
  links.set(node, link);
  return link;
}

function forget(link) {
  document.removeEventListener("workbench-rests", link.ask);
  links.delete(link.node);
}
