/* Saves a chart as it is seen as a PNG, twice as fine as on the screen. */
(function () {
    "use strict";
    var FINE = 2;
    var STYLES = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "font-size", "font-family", "font-weight", "opacity"];

    function dressed(svg) {
        var copy = svg.cloneNode(true);
        var originals = svg.querySelectorAll("*");
        copy.querySelectorAll("*").forEach(function (node, number) {
            var style = getComputedStyle(originals[number]);
            STYLES.forEach(function (name) {
                node.style.setProperty(name, style.getPropertyValue(name));
            });
        });
        return copy;
    }

    async function save(card) {
        var svg = card.querySelector("svg.chart");
        if (!svg) {
            return;
        }
        var box = svg.viewBox.baseVal;
        var copy = dressed(svg);
        copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
        copy.setAttribute("width", box.width * FINE);
        copy.setAttribute("height", box.height * FINE);
        var image = new Image();
        image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(new XMLSerializer().serializeToString(copy));
        await image.decode();
        var canvas = document.createElement("canvas");
        canvas.width = box.width * FINE;
        canvas.height = box.height * FINE;
        var pen = canvas.getContext("2d");
        pen.fillStyle = getComputedStyle(card).backgroundColor;
        pen.fillRect(0, 0, canvas.width, canvas.height);
        pen.drawImage(image, 0, 0);
        var link = document.createElement("a");
        link.download = "streamapp-" + card.dataset.chart + ".png";
        link.href = canvas.toDataURL("image/png");
        link.click();
    }

    document.addEventListener("click", function (event) {
        var button = event.target.closest("[data-png]");
        if (button) {
            save(button.closest("[data-chart]"));
        }
    });
})();
