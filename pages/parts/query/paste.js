// Files that are pasted with the focus anywhere become those of the uploader's own <input>, as if
// they had been chosen. One listener a line, which goes with it.

const COMMAND = /Mac|iP(hone|ad|od)/.test(navigator.platform) ? "⌘V" : "Ctrl+V";
const HINT = `${COMMAND} to paste an image`;
const URL_HINT = `${COMMAND} to paste an image or its URL`;
const NOTHING = "No image in the clipboard. Copy the image itself, not its address.";
const NEITHER = "No image and no URL in the clipboard.";
const NOTHING_MS = 6000;
const TEXTLESS = ["button", "checkbox", "color", "file", "image", "radio", "range", "reset", "submit"];
const NAMELESS = "image.png"; // what browsers call an image that is no file
const lines = new WeakMap();
let numPasted = 0;

export default function ({ data, parentElement, setTriggerValue }) {
  const node = parentElement.querySelector("p");
  const line = lines.get(node) ?? newLine(node);
  line.uploader = data.uploader;
  line.urls = data.urls;
  line.send = (url) => setTriggerValue("url", url);
  if (!line.timer) node.textContent = hint(line);
  // Streamlit also calls this for a run that the next overtook, while the line is still in use
  return () => setTimeout(() => node.isConnected || forget(line));
}

function newLine(node) {
  const line = { node, listener: (event) => take(line, event) };
  lines.set(node, line);
  document.addEventListener("paste", line.listener);
  return line;
}

function forget(line) {
  document.removeEventListener("paste", line.listener);
  clearTimeout(line.timer);
  lines.delete(line.node);
}

function take(line, event) {
  const [target] = event.composedPath(); // a component's insides, too
  const input = document.querySelector(`.st-key-${CSS.escape(line.uploader)} input[type="file"]`);
  if (event.defaultPrevented || takesText(target)) return; // the uploader takes its own
  if (!input || input.disabled || input.closest("[inert]")) return; // a dialog makes the page inert
  const files = [...event.clipboardData.files];
  const url = line.urls && !files.length ? webAddress(event.clipboardData.getData("text/plain")) : "";
  say(line, files.length || url ? hint(line) : line.urls ? NEITHER : NOTHING);
  if (url) line.send(url);
  if (!files.length) return;
  event.preventDefault();
  const taken = new DataTransfer();
  for (const file of input.multiple ? files : files.slice(0, 1)) taken.items.add(named(file));
  input.files = taken.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

function hint(line) {
  return line.urls ? URL_HINT : HINT;
}

function webAddress(text) {
  return /^https?:\/\/\S+$/i.test(text.trim()) ? text.trim() : "";
}

function takesText(target) {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !TEXTLESS.includes(target.type) && !target.readOnly;
  return target instanceof HTMLTextAreaElement || target.isContentEditable;
}

// Or a page with several would have no names to tell them apart by.
function named(file) {
  if (file.name !== NAMELESS) return file;
  numPasted += 1;
  return new File([file], `pasted ${numPasted}.png`, { type: file.type });
}

function say(line, sentence) {
  clearTimeout(line.timer);
  line.timer = undefined;
  line.node.textContent = sentence;
  if (sentence !== hint(line)) line.timer = setTimeout(() => say(line, hint(line)), NOTHING_MS);
}
