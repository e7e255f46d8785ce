// Makes a click select the point under the pointer when the button is pressed.
//
// Plotly clicks the point that it last found under the pointer. It looks 20 times a second and never
// while a button is held, so a click right after a move would select an earlier point or none.

function hoverAtPress(Plotly, host) {
  host.addEventListener("mousedown", (event) => {
    if (!event.target.classList.contains("nsewdrag")) return; // a legend, an axis
    Plotly.Fx.unhover(host, event); // resets the time of the last look
    Plotly.Fx.hover(host, event);
  }, true);
}
