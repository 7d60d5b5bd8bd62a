"use strict";
// Reads the desk's part of the first page again each ten seconds, while somebody looks at it. Focus and place stay.
(() => {
    const part = document.getElementById("desk-live");
    const EVERY = 10_000;
    let readAt = Date.now();

    const read = async () => {
        if (document.hidden || isSelecting() || Date.now() - readAt < EVERY) { return; }
        readAt = Date.now();
        try {
            const answer = await fetch(part.dataset.live, {redirect: "error", headers: {Accept: "text/html"}});
            if (answer.ok) { replace(await answer.text()); }
            part.classList.toggle("stale", !answer.ok);
        } catch {
            part.classList.add("stale"); // the time that it shows says how old it is
        }
    };

    const isSelecting = () => {
        const selected = getSelection();
        return !selected.isCollapsed && part.contains(selected.anchorNode);
    };

    const replace = (html) => {
        const within = part.contains(document.activeElement);
        const href = within ? document.activeElement.getAttribute("href") : null;
        const {scrollX, scrollY} = window;
        part.innerHTML = html;
        if (href !== null) {
            [...part.querySelectorAll("a")].find((one) => one.getAttribute("href") === href)?.focus({preventScroll: true});
        }
        window.scrollTo(scrollX, scrollY);
    };

    setInterval(read, 1000);
    document.addEventListener("visibilitychange", read);
})();
