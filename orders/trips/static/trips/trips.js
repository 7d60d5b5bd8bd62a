// Keeps the sum beside what is chosen, and lets the form be sent once. Without it the page still works.
"use strict";
const form = document.getElementById("trip");
const chosen = document.getElementById("chosen");
const total = document.getElementById("total");
const pay = document.getElementById("pay");
const currency = form.querySelector(".price")?.textContent.trim().split(/\s/)[1];

// In the currency's smallest unit, so that sums are exact. A price has as many decimals as its currency.
const places = (form.querySelector("[data-price]")?.dataset.price.split(".")[1] || "").length;
const units = (text) => Math.round(Number(text) * 10 ** places);
const money = (amount) => (amount / 10 ** places).toFixed(places);

function line(text, amount) {
  const row = document.createElement("li");
  const what = document.createElement("span");
  const price = document.createElement("span");
  what.textContent = text;
  price.textContent = money(amount);
  row.append(what, price);
  chosen.append(row);
  return amount;
}

function refresh() {
  const flight = form.querySelector("[name=flight]:checked");
  const hotel = form.querySelector("[name=hotel]:checked");
  const nights = Number(form.elements.nights.value);
  let sum = 0;
  chosen.replaceChildren();
  if (flight) sum += line(flight.dataset.name, units(flight.dataset.price));
  if (hotel) sum += line(`${nights} × ${hotel.dataset.name}`, nights * units(hotel.dataset.price));
  document.getElementById("sum").hidden = !sum;
  total.textContent = `${money(sum)} ${currency}`;
}

form.addEventListener("change", refresh);
form.addEventListener("submit", (event) => {
  if (pay.disabled) return event.preventDefault();
  pay.disabled = true;
  pay.textContent = "Booking your trip …";
});
// A page that comes back from the browser's memory carries a token that is used up.
window.addEventListener("pageshow", (event) => event.persisted && location.reload());
document.getElementById("summary")?.focus();
refresh();
