// The shop cannot be reached: say so. Everything else on this page is plain forms.
"use strict";
const lost = document.getElementById("lost");
document.body.addEventListener("htmx:sendError", () => { lost.hidden = false; });
document.body.addEventListener("htmx:afterOnLoad", () => { lost.hidden = true; });
