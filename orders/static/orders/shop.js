// Keeps the basket beside the catalogue, and lets the form be sent once. Without it the page still works.
"use strict";
const form = document.getElementById("checkout");
const chosen = document.getElementById("chosen");
const total = document.getElementById("total");
const pay = document.getElementById("pay");
const currency = total.textContent.trim().split(" ").pop();
const rows = [...form.querySelectorAll(".quantity")];

// In cents, so that sums are exact.
const cents = (text) => Math.round(Number(text) * 100);
const money = (amount) => (amount / 100).toFixed(2);
const count = (row) => (/^\d{1,4}$/.test(row.querySelector("input").value.trim()) ? Number(row.querySelector("input").value) : 0);

function refresh() {
  let sum = 0;
  chosen.replaceChildren();
  for (const row of rows) {
    const quantity = count(row);
    row.classList.toggle("chosen-one", quantity > 0);
    if (!quantity) continue;
    const amount = quantity * cents(row.dataset.price);
    sum += amount;
    const line = document.createElement("li");
    const what = document.createElement("span");
    const price = document.createElement("span");
    what.textContent = `${quantity} × ${row.dataset.name}`;
    price.textContent = money(amount);
    line.append(what, price);
    chosen.append(line);
  }
  if (!sum) {
    const line = document.createElement("li");
    line.className = "empty";
    line.textContent = "Nothing chosen yet.";
    chosen.append(line);
  }
  total.textContent = `${money(sum)} ${currency}`;
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
