// Says the column that is pointed at or focused, and moves between a chart's columns by the arrow keys.
const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity };

for (const chart of document.querySelectorAll("svg.chart")) {
  const columns = [...chart.querySelectorAll(".column")];
  const readout = chart.closest("section").querySelector(".readout");
  const say = (column) => { readout.textContent = column.getAttribute("aria-label"); };

  columns.forEach((column, at) => {
    column.addEventListener("pointerenter", () => say(column));
    column.addEventListener("focus", () => say(column));
    column.addEventListener("keydown", (event) => {
      if (!(event.key in steps)) return;
      event.preventDefault();
      const next = columns[Math.min(Math.max(at + steps[event.key], 0), columns.length - 1)];
      column.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    });
  });
}
