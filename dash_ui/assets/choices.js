/* Language and, where Mantine does not care for it, light or dark: the sign-in page has these choices too. */
(function () {
    "use strict";
    var YEAR_S = 31536000;
    var SCHEME = "mantine-color-scheme-value"; // where Mantine keeps it
    var root = document.documentElement;

    document.addEventListener("click", function (event) {
        var language = event.target.closest("[data-language]");
        var scheme = event.target.closest("[data-scheme]");
        if (language) {
            document.cookie = "language=" + language.dataset.language + ";path=/;samesite=lax;max-age=" + YEAR_S;
            location.replace(location.href);
        } else if (scheme) {
            show(root.dataset.mantineColorScheme === "dark" ? "light" : "dark");
            localStorage.setItem(SCHEME, root.dataset.mantineColorScheme);
        }
    });

    function show(name) {
        root.dataset.mantineColorScheme = name;
    }

    /* -- the sign-in page alone ---------------------------------------------------------------------- */
    if (root.dataset.next) {
        var dark = window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
        var chosen = localStorage.getItem(SCHEME);
        show(chosen === "dark" || chosen === "light" ? chosen : dark);
        var sent = false;
        document.addEventListener("submit", function () {
            sent = true;
        });
        // Signed in in another tab, or come by a link on another site, with which browsers send no such cookie.
        fetch("/signed-in").then(function (answer) {
            if (answer.ok && !sent) {
                location.replace(root.dataset.next);
            }
        }, function () {});
    }
})();
