"use strict";
// Reads each part of a page that moves (data-live: its address) again each ten seconds, or data-every, while somebody looks at it.
// Focus, place and what is opened stay. A list (data-rows) is put in row by row, see rows.js.
for (const part of document.querySelectorAll("[data-live]")) {
    const EVERY = 1000 * (part.dataset.every ?? 10);
    const put = (html) => ("rows" in part.dataset ? window.putRows(part, html) : replace(html));
    let readAt = Date.now(), isReading = false;

    const read = async () => {
        if (document.hidden || isReading || isSelecting() || Date.now() - readAt < EVERY) { return; }
        readAt = Date.now();
        isReading = true;
        try {
            const answer = await fetch(part.dataset.live, {redirect: "error", headers: {Accept: "text/html"}});
            if (answer.ok) { put(await answer.text()); }
            part.classList.toggle("stale", !answer.ok);
        } catch {
            part.classList.add("stale"); // the time that it shows says how old it is
        } finally {
            isReading = false;
        }
    };

    const isSelecting = () => {
        const selected = getSelection();
        return !selected.isCollapsed && part.contains(selected.anchorNode);
    };

    const replace = (html) => {
        const within = part.contains(document.activeElement);
        const href = within ? document.activeElement.getAttribute("href") : null;
        const opened = [...part.querySelectorAll("details[open] > summary")].map((one) => one.textContent);
        const {scrollX, scrollY} = window;
        part.innerHTML = html;
        for (const one of part.querySelectorAll("details > summary")) {
            if (opened.includes(one.textContent)) { one.parentElement.open = true; }
        }
        if (href !== null) {
            [...part.querySelectorAll("a")].find((one) => one.getAttribute("href") === href && one.getClientRects().length)?.focus({preventScroll: true});
        }
        window.scrollTo(scrollX, scrollY);
    };

    setInterval(read, 1000);
    document.addEventListener("visibilitychange", read);
}
