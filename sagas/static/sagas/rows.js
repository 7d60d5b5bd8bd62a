"use strict";
// Puts a list that was read again into the page. Rows are known by the address they lead to: ticks, focus, place and
// the form of acts stay. A ticked row that has left the list stays in sight, marked, until somebody unticks it.
(() => {
    const boxes = () => document.querySelectorAll("#result_list tbody input.action-select");
    const djangos = window.Actions;
    // Django's script keeps the boxes that it is given: give it those that there are at the moment.
    const all = {forEach: (each) => boxes().forEach(each), [Symbol.iterator]: () => boxes().values(), get length() { return boxes().length; }};
    if (djangos) { window.Actions = () => djangos(all); }

    const key = (row) => row.querySelector("a[href]")?.getAttribute("href").split("?")[0];
    const tick = (row) => row.querySelector("input.action-select");
    const isEverything = () => document.querySelector("input.select-across")?.value === "1";

    const patch = (row, fresh) => {
        row.classList.remove("left");
        [...row.cells].forEach((cell, n) => {
            const other = fresh.cells[n];
            if (!cell.contains(tick(row)) && cell.innerHTML !== other.innerHTML) { cell.innerHTML = other.innerHTML; }
        });
    };

    const leave = (row) => {
        if (!tick(row)?.checked) { row.remove(); return; }
        if (row.classList.contains("left")) { return; }
        row.classList.add("left");
        const note = document.createElement("small");
        note.textContent = "no longer in this list, still ticked";
        row.querySelector("th").append(note);
    };

    const order = (body, rows) => {
        let at = body.firstElementChild;
        for (const row of rows) {
            while (at?.classList.contains("left")) { at = at.nextElementSibling; }
            if (at === row) { at = at.nextElementSibling; } else { body.insertBefore(row, at); }
        }
    };

    const count = () => {
        const counter = document.querySelector("span.action-counter");
        if (!counter) { return; }
        counter.dataset.actionsIcnt = boxes().length;
        if (!isEverything()) { window.dispatchEvent(new Event("pageshow")); } // Django's script counts anew
    };

    const putTable = (table, fresh) => {
        const body = table.tBodies[0];
        const known = new Map([...body.rows].map((row) => [key(row), row]));
        const listed = [...(fresh?.tBodies[0].rows ?? [])].map((row) => {
            const old = known.get(key(row));
            known.delete(key(row));
            if (old) { patch(old, row); } else if (isEverything() && tick(row)) { tick(row).checked = true; }
            return old ?? row;
        });
        known.forEach(leave);
        order(body, listed);
    };

    const putParts = (fresh) => {
        for (const part of fresh.querySelectorAll("[data-part]")) {
            const shown = document.querySelector(`[data-part="${part.dataset.part}"]`);
            if (!shown.contains(document.activeElement) && shown.innerHTML !== part.innerHTML) { shown.innerHTML = part.innerHTML; }
        }
    };

    window.putRows = (part, html) => {
        const fresh = new DOMParser().parseFromString(html, "text/html");
        const table = part.querySelector("table"), other = fresh.querySelector("table");
        const {activeElement} = document;
        const {scrollX, scrollY} = window;
        const href = activeElement.getAttribute("href");
        putParts(fresh);
        if (table) { putTable(table, other); } else if (other) {
            part.append(fresh.querySelector(".results"));
            if (djangos && boxes().length) { djangos(all); }
        }
        count();
        if (!activeElement.isConnected && href) { [...part.querySelectorAll("a")].find((one) => one.getAttribute("href") === href)?.focus({preventScroll: true}); }
        else if (document.activeElement !== activeElement) { activeElement.focus({preventScroll: true}); }
        window.scrollTo(scrollX, scrollY);
    };
})();
