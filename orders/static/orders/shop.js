// Keeps the basket beside the catalogue, and lets the form be sent once. Without it the page still works.
"use strict";
const form = document.getElementById("checkout");
const chosen = document.getElementById("chosen");
const total = document.getElementById("total");
const pay = document.getElementById("pay");
const rows = [...form.querySelectorAll(".quantity")];

// In the currency's smallest unit, so that sums are exact. A price has as many decimals as its currency.
const decimals = (text) => (text.split(".")[1] || "").length;
const units = (text) => Math.round(Number(text) * 10 ** decimals(text));
const money = (amount, places) => (amount / 10 ** places).toFixed(places);
const count = (row) => (/^\d{1,4}$/.test(row.querySelector("input").value.trim()) ? Number(row.querySelector("input").value) : 0);

function refresh() {
  const sums = new Map();
  chosen.replaceChildren();
  for (const row of rows) {
    const quantity = count(row);
    row.classList.toggle("chosen-one", quantity > 0);
    if (!quantity) continue;
    const amount = quantity * units(row.dataset.price);
    const places = decimals(row.dataset.price);
    const before = sums.get(row.dataset.currency)?.amount || 0;
    sums.set(row.dataset.currency, { amount: before + amount, places });
    const line = document.createElement("li");
    const what = document.createElement("span");
    const price = document.createElement("span");
    what.textContent = `${quantity} × ${row.dataset.name}`;
    price.textContent = money(amount, places);
    line.append(what, price);
    chosen.append(line);
  }
  if (!sums.size) {
    const line = document.createElement("li");
    line.className = "empty";
    line.textContent = "Nothing chosen yet.";
    chosen.append(line);
  }
  const first = rows[0]?.dataset;
  if (!sums.size && first) sums.set(first.currency, { amount: 0, places: decimals(first.price) });
  total.textContent = [...sums].map(([currency, sum]) => `${money(sum.amount, sum.places)} ${currency}`).join(" + ");
}

for (const row of rows) {
  for (const button of row.querySelectorAll("button")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const input = row.querySelector("input");
      input.value = Math.min(99, Math.max(0, count(row) + Number(button.dataset.step)));
      refresh();
    });
  }
  row.addEventListener("input", refresh);
}
form.addEventListener("submit", (event) => {
  if (pay.disabled) return event.preventDefault();
  pay.disabled = true;
  pay.textContent = "Placing your order …";
});
// A page that comes back from the browser's memory carries a token that is used up.
window.addEventListener("pageshow", (event) => event.persisted && location.reload());
document.getElementById("summary")?.focus();
refresh();
