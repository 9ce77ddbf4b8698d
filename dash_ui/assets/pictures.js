/* Pictures that do not blink while they change, and that come later when they cannot come now. */
(function () {
    "use strict";
    var RETRY_MS = 2000;
    var LONGEST_RETRY_MS = 60000;
    var STALE_MS = 60;
    var TINY_PX = 64;

    document.addEventListener(
        "load",
        function (event) {
            var image = event.target;
            if (image.tagName === "IMG") {
                image.style.visibility = "";
                image.retryMs = RETRY_MS;
                // Tiny images are shown as the pixels that they are.
                image.style.imageRendering = image.naturalWidth <= TINY_PX ? "pixelated" : "";
            }
        },
        true
    );

    /* The old picture stays for a moment while the new one comes, so that nothing blinks, but not beside the new answers. */
    new MutationObserver(function (changes) {
        changes.forEach(function (change) {
            setTimeout(function () {
                if (change.target.complete === false) {
                    change.target.style.visibility = "hidden";
                }
            }, STALE_MS);
        });
    }).observe(document.documentElement, {subtree: true, attributes: true, attributeFilter: ["src"]});

    /* One that cannot be had now, because the API is away, is asked for again while it is on the page. */
    document.addEventListener(
        "error",
        function (event) {
            var image = event.target;
            var url = image.src;
            if (image.tagName === "IMG") {
                var pause = image.retryMs || RETRY_MS;
                image.retryMs = Math.min(2 * pause, LONGEST_RETRY_MS);
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
})();
