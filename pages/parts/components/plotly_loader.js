// Loads plotly.js once a page.

function loadPlotly(address) {
  window.workbenchPlotly ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL(address, document.baseURI);
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => {
      window.workbenchPlotly = undefined;
      reject(new Error(`${script.src} did not load`));
    };
    document.head.append(script);
  });
  return window.workbenchPlotly;
}
