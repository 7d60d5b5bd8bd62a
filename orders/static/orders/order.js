// Says each new headline to screen readers, once; the list itself changes too often to be read out.
"use strict";
const announce = document.getElementById("announce");
const headline = () => document.querySelector("#progress h1").textContent;
let said = headline();
document.body.addEventListener("htmx:afterSwap", () => {
  if (headline() === said) return;
  said = headline();
  announce.textContent = `${said} ${document.querySelector("#progress .truth").textContent}`;
});

// The shop cannot be reached: say so, and that the order goes on without this page.
const lost = document.getElementById("lost");
document.body.addEventListener("htmx:sendError", () => { lost.hidden = false; });
document.body.addEventListener("htmx:afterOnLoad", () => { lost.hidden = true; });
