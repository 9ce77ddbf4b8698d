/* The little that has to happen in the browser: choosing an image, sending files, and noticing that nobody talks to us. */
(function () {
    "use strict";
    var MAX_BYTES = 10 * 1024 * 1024;
    var AT_ONCE = 3;
    var SHOWN = 30;
    var LOST_AFTER_MS = 4000;
    var WAKE_EVERY_MS = 15000;
    var RETRY_PICTURE_MS = 2000;
    var STALE_PICTURE_MS = 60;
    var files = [];

    function tell(id, data) {
        window.dash_clientside.set_props(id, {data: data});
    }

    /* -- is anybody there? The server sends a pulse every second. ---------------------------------- */
    var lastPulse = Date.now();
    var lastWake = Date.now();

    window.dash_clientside = window.dash_clientside || {};
    window.dash_clientside.page = {
        pulse: function () {
            lastPulse = Date.now();
            document.body.classList.remove("is-lost");
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
            tell("wake", now);
        }
    }, 1000);

    /* -- choosing an image ------------------------------------------------------------------------- */
    document.addEventListener("click", function (event) {
        var image = event.target.closest("[data-image]");
        if (image) {
            var again = image.getAttribute("aria-pressed") === "true";
            tell("pinned", again ? null : image.getAttribute("data-image"));
        } else if (event.target.closest("#follow")) {
            tell("pinned", null);
        } else if (event.target.closest("#upload")) {
            choose();
        } else if (event.target.closest("[data-dismiss]")) {
            files = [];
            show();
        }
    });

    /* -- pictures ---------------------------------------------------------------------------------- */
    document.addEventListener(
        "load",
        function (event) {
            var image = event.target;
            if (image.tagName === "IMG") {
                image.style.visibility = "";
                image.retryMs = RETRY_PICTURE_MS;
                // Tiny images are shown as the pixels that they are.
                image.style.imageRendering = image.naturalWidth <= 64 ? "pixelated" : "";
            }
        },
        true
    );

    /* The old picture stays for a moment while the new one comes, so that nothing blinks, but not beside the new answers. */
    new MutationObserver(function (changes) {
        changes.forEach(function (change) {
            setTimeout(function () {
                if (!change.target.complete) {
                    change.target.style.visibility = "hidden";
                }
            }, STALE_PICTURE_MS);
        });
    }).observe(document.documentElement, {subtree: true, attributes: true, attributeFilter: ["src"]});

    /* One that cannot be had now, because the API is away, is asked for again while it is on the page. */
    document.addEventListener(
        "error",
        function (event) {
            var image = event.target;
            var url = image.src;
            if (image.tagName === "IMG") {
                var pause = image.retryMs || RETRY_PICTURE_MS;
                image.retryMs = Math.min(2 * pause, 60000);
                image.style.visibility = "hidden";
                setTimeout(function () {
                    if (image.isConnected && image.src === url) {
                        image.src = url;
                    }
                }, pause);
            }
        },
        true
    );

    /* -- sending files ----------------------------------------------------------------------------- */
    function choose() {
        var input = document.createElement("input");
        input.type = "file";
        input.multiple = true;
        input.accept = "image/jpeg,image/png,image/webp";
        input.addEventListener("change", function () {
            send(Array.from(input.files));
        });
        input.click();
    }

    function show() {
        tell("uploads", files.slice(-SHOWN).map(function (file) {
            return Object.assign({}, file);
        }));
    }

    async function sendOne(file, entry) {
        try {
            if (file.size > MAX_BYTES) {
                throw new Error("it is too large; an image may have at most 10 MB");
            }
            var response = await fetch("/upload", {
                method: "POST",
                headers: {"X-Filename": encodeURIComponent(file.name)},
                body: file,
            });
            var answer = await response.json();
            if (!response.ok) {
                throw new Error(answer.detail || answer.title);
            }
            entry.state = "accepted";
            entry.image_id = answer.image_id;
        } catch (error) {
            entry.state = "refused";
            entry.message = error instanceof TypeError ? "the dashboard cannot be reached" : error.message;
        }
        show();
    }

    async function send(chosen) {
        var pairs = chosen.map(function (file) {
            return {file: file, entry: {name: file.name, state: "sending"}};
        });
        files = pairs.map(function (pair) {
            return pair.entry;
        });
        show();
        var waiting = pairs.slice();
        async function worker() {
            while (waiting.length) {
                var pair = waiting.shift();
                await sendOne(pair.file, pair.entry);
            }
        }
        await Promise.all(Array.from({length: AT_ONCE}, worker));
        var accepted = pairs.filter(function (pair) {
            return pair.entry.state === "accepted";
        });
        // One image: show its race. Many: they are in the strip.
        if (pairs.length === 1 && accepted.length === 1) {
            tell("pinned", accepted[0].entry.image_id);
        }
    }

    function hasFiles(event) {
        return event.dataTransfer && Array.from(event.dataTransfer.types).indexOf("Files") >= 0;
    }

    document.addEventListener("dragover", function (event) {
        if (hasFiles(event)) {
            event.preventDefault();
            document.body.classList.add("is-dragging");
        }
    });
    document.addEventListener("dragleave", function (event) {
        if (!event.relatedTarget) {
            document.body.classList.remove("is-dragging");
        }
    });
    document.addEventListener("drop", function (event) {
        document.body.classList.remove("is-dragging");
        if (hasFiles(event)) {
            event.preventDefault();
            send(Array.from(event.dataTransfer.files));
        }
    });
})();
