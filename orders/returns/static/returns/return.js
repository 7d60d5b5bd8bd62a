// Shows what comes back to the customer, and lets the form be sent once. Without it the page still works.
"use strict";
const form = document.getElementById("return");
const total = document.getElementById("total");
const send = document.getElementById("send");
const currency = total.textContent.trim().split(" ").pop();
const rows = [...form.querySelectorAll(".quantity")];
const count = (row) => (/^\d{1,4}$/.test(row.querySelector("input").value.trim()) ? Number(row.querySelector("input").value) : 0);

function refresh() {
  // In the currency's smallest unit, so that sums are exact. A price has as many decimals as its currency.
  const places = (rows[0]?.dataset.price.split(".")[1] || "").length;
  const sum = rows.reduce((units, row) => units + count(row) * Math.round(Number(row.dataset.price) * 10 ** places), 0);
  total.textContent = `${(sum / 10 ** places).toFixed(places)} ${currency}`;
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
