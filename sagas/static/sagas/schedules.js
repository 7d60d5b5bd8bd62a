// Each moment also by the clock of whoever looks.
for (const time of document.querySelectorAll("time.yours")) {
  time.textContent = new Date(time.dateTime).toLocaleString(undefined, {
    dateStyle: "medium",
    timeStyle: "short",
  });
}
