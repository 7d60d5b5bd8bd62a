// Shows what comes back to the customer, and lets the form be sent once. Without it the page still works.
"use strict";
const form = document.getElementById("return");
const total = document.getElementById("total");
const send = document.getElementById("send");
const currency = total.textContent.trim().split(" ").pop();
const rows = [...form.querySelectorAll(".quantity")];
const count = (row) => (/^\d{1,4}$/.test(row.querySelector("input").value.trim()) ? Number(row.querySelector("input").value) : 0);

function refresh() {
  // In cents, so that sums are exact.
  const sum = rows.reduce((cents, row) => cents + count(row) * Math.round(Number(row.dataset.price) * 100), 0);
  total.textContent = `${(sum / 100).toFixed(2)} ${currency}`;
}

for (const row of rows) {
  for (const button of row.querySelectorAll("button")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const input = row.querySelector("input");
      input.value = Math.min(Number(row.dataset.left), Math.max(0, count(row) + Number(button.dataset.step)));
      refresh();
    });
  }
  row.addEventListener("input", refresh);
}
form.addEventListener("submit", (event) => {
  if (send.disabled) return event.preventDefault();
  send.disabled = true;
  send.textContent = "Sending …";
});
// A page that comes back from the browser's memory carries a token that is used up.
window.addEventListener("pageshow", (event) => event.persisted && location.reload());
document.getElementById("summary")?.focus();
refresh();
