/* The little that has to happen in the browser: going from view to view, sending orders, noticing that nobody talks to us. */
(function () {
    "use strict";
    var LOST_AFTER_MS = 4000;
    var WAKE_EVERY_MS = 15000;
    var root = document.documentElement;

    var page = {
        /* Give a store of the page new data. */
        tell: function (id, data) {
            window.dash_clientside.set_props(id, {data: data});
        },
        /* Show another view; the server is told its URL, and the browser can go back. */
        go: function (url, replace) {
            history[replace ? "replaceState" : "pushState"](null, "", url);
            arrive();
        },
    };
    window.streamapp = page;

    /* -- is anybody there? The server sends a pulse every second. ---------------------------------- */
    var lastPulse = Date.now();
    var lastWake = Date.now();

    window.dash_clientside = window.dash_clientside || {};
    window.dash_clientside.page = {
        pulse: function () {
            lastPulse = Date.now();
            document.body.classList.remove("is-lost");
        },
        /* The visitor has signed out, here or in another tab, or has to sign in: the server shows the way. */
        leave: function (now) {
            if (now) {
                location.reload();
            }
        },
    };

    setInterval(function () {
        var now = Date.now();
        if (now - lastPulse < LOST_AFTER_MS || !document.getElementById("lost")) {
            return;
        }
        document.body.classList.add("is-lost");
        // Dash's connection gives up after some tries; a request of ours makes it try again.
        if (now - lastWake > WAKE_EVERY_MS && document.visibilityState === "visible") {
            lastWake = now;
            page.tell("wake", now);
            // Or is it because we have to sign in (again)?
            fetch("/signed-in").then(function (answer) {
                if (answer.status === 401) {
                    location.reload();
                }
            }, function () {});
        }
    }, 1000);

    /* A page that the browser kept while its visitor was elsewhere may not be theirs any more. */
    window.addEventListener("pageshow", function (event) {
        if (event.persisted) {
            location.reload();
        }
    });

    /* -- where we are ------------------------------------------------------------------------------ */
    function arrive() {
        var before = root.dataset.page;
        var path = location.pathname.replace(/\/+$/, "");
        var links = Array.from(document.querySelectorAll("[data-nav]"));
        var here = links.find(function (link) {
            return link.pathname === path;
        }) || links[0];
        root.dataset.page = here.dataset.nav;
        links.forEach(function (link) {
            link.toggleAttribute("aria-current", link === here);
            if (link === here) {
                link.setAttribute("aria-current", "page");
            }
        });
        page.tell("place", location.pathname + location.search);
        if (before !== root.dataset.page) {
            window.scrollTo(0, 0);
        }
    }
    window.addEventListener("popstate", arrive);

    document.addEventListener("click", function (event) {
        var target = event.target;
        var link = target.closest("a[href^='/']");
        var order = target.closest("[data-act]");
        if (link && !link.download && !link.target && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.button) {
            event.preventDefault();
            page.go(link.getAttribute("href"));
        } else if (order && (!order.dataset.confirm || window.confirm(order.dataset.confirm))) {
            // The number makes the same order twice two orders.
            page.tell("act", Object.assign({at: Date.now()}, JSON.parse(order.dataset.act)));
        }
    });

    /* A form of filters is its URL; fields that are empty are left out. */
    function filter(form) {
        var values = new URLSearchParams();
        new FormData(form).forEach(function (value, name) {
            if (value) {
                values.append(name, value);
            }
        });
        var query = values.toString();
        page.go(form.getAttribute("action") + (query ? "?" + query : ""));
    }
    document.addEventListener("change", function (event) {
        var form = event.target.closest("form[data-filter]");
        if (form) {
            filter(form);
        }
    });
    document.addEventListener("submit", function (event) {
        if (event.target.matches("form[data-filter]")) {
            event.preventDefault();
            filter(event.target);
        }
    });

    /* -- dialogs: opened as such when they come; closing one follows its link back. ------------------ */
    new MutationObserver(function () {
        document.querySelectorAll("dialog:not([open])").forEach(function (dialog) {
            dialog.showModal();
            dialog.addEventListener("cancel", function (event) {
                event.preventDefault();
                page.go(dialog.dataset.back);
            });
            dialog.addEventListener("click", function (event) {
                if (event.target === dialog) {
                    page.go(dialog.dataset.back);
                }
            });
        });
    }).observe(document.documentElement, {subtree: true, childList: true});

    /* -- keys: a button or link says which one presses it, outside of fields. ------------------------ */
    document.addEventListener("keydown", function (event) {
        if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) {
            return;
        }
        var pressed = document.querySelector("[data-key='" + CSS.escape(event.key) + "']");
        if (pressed && pressed.checkVisibility()) {
            event.preventDefault();
            // A key that is held would press it for images that nobody has looked at.
            if (!event.repeat) {
                pressed.click();
            }
        }
    });
})();
