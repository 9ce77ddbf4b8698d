/* What a page notices while it is watched: when each verdict is on the screen, how large refreshes are, and how long it was busy. */
(function () {
    "use strict";
    var TICK_MS = 20;
    var watched = {shown: {}, refreshes: [], late: [], longest: 0};
    window.watched = watched;

    function now() {
        return performance.timeOrigin + performance.now();
    }

    /* What ends a refresh. Dash hands what waits to its page as one message, which may hold several when that is busy. */
    var LAST = "pulse";
    var open = 0;
    function refreshed(changes) {
        changes.forEach(function (change) {
            open += new Blob([JSON.stringify(change)]).size;
            if (change.componentId === LAST) {
                watched.refreshes.push([now(), open]);
                open = 0;
            }
        });
    }

    /* Dash's connection lives in a shared worker. */
    var Shared = window.SharedWorker;
    window.SharedWorker = class extends Shared {
        constructor(...given) {
            super(...given);
            this.port.addEventListener("message", function (event) {
                if (event.data && event.data.type === "set_props_batch") {
                    refreshed(event.data.payload);
                }
            });
        }
    };

    /* After the frame in which an image is drawn, it is on the screen. */
    function look() {
        document.querySelectorAll("#strip .frame, [data-race]").forEach(function (node) {
            var id = node.dataset.race || new URL(node.href).searchParams.get("pin");
            if (id && !(id in watched.shown)) {
                watched.shown[id] = now();
            }
        });
    }
    var waiting = false;
    new MutationObserver(function () {
        if (!waiting) {
            waiting = true;
            requestAnimationFrame(function () {
                setTimeout(function () {
                    waiting = false;
                    look();
                });
            });
        }
    }).observe(document, {subtree: true, childList: true, attributes: true, attributeFilter: ["href", "data-race"]});

    /* A page that is frozen answers nobody: how much later than asked a timer rings, and how long one task takes. */
    var due = now() + TICK_MS;
    setInterval(function () {
        watched.late.push(Math.max(0, now() - due));
        due = now() + TICK_MS;
    }, TICK_MS);
    new PerformanceObserver(function (list) {
        list.getEntries().forEach(function (entry) {
            watched.longest = Math.max(watched.longest, entry.duration);
        });
    }).observe({type: "longtask", buffered: false});
})();
