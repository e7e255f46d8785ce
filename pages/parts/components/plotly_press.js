// A click is on what lies under the pointer as the button goes down.
//
// Plotly clicks what it found under the pointer last. It looks 20 times a second, and finds nothing
// while a button is held: who moves and clicks at once opens the point before, or none.

function lookAtPress(Plotly, host) {
  host.addEventListener("mousedown", (event) => {
    if (!event.target.classList.contains("nsewdrag")) return; // a legend, an axis
    Plotly.Fx.unhover(host, event); // forgets when it looked last
    Plotly.Fx.hover(host, event);
  }, true);
}
