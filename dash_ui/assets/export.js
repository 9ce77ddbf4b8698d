/* Saves a chart or a table as it is seen as a PNG, twice as fine as on the screen. */
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

    function element(name, attributes, words) {
        var made = document.createElementNS("http://www.w3.org/2000/svg", name);
        Object.keys(attributes).forEach(function (key) { made.setAttribute(key, attributes[key]); });
        made.textContent = words || "";
        return made;
    }

    /* Words where they stand on the screen; names are set left, numbers in the middle of their cell. */
    function words(node, from) {
        var range = document.createRange();
        range.selectNodeContents(node);
        var box = range.getBoundingClientRect(), style = getComputedStyle(node);
        return element("text", {
            x: box.left - from.left, y: box.top - from.top + box.height / 2, "dominant-baseline": "central",
            fill: style.color, "font-size": style.fontSize, "font-family": style.fontFamily, "font-weight": style.fontWeight
        }, node.textContent);
    }

    /* Tables and rows of diagrams are drawn anew as one picture: cells with their colours, diagrams, and words. */
    function drawn(figure) {
        var from = figure.getBoundingClientRect();
        var svg = element("svg", {viewBox: [0, 0, Math.ceil(figure.scrollWidth), Math.ceil(figure.scrollHeight)].join(" ")});
        figure.querySelectorAll("td, th, svg, .model, .muted").forEach(function (node) {
            var box = node.getBoundingClientRect();
            var place = {x: box.left - from.left, y: box.top - from.top, width: box.width, height: box.height};
            if (node.tagName === "svg") {
                var copy = dressed(node);
                Object.keys(place).forEach(function (key) { copy.setAttribute(key, place[key]); });
                svg.append(copy);
                return;
            }
            svg.append(element("rect", Object.assign({rx: 5, fill: getComputedStyle(node).backgroundColor}, place)), words(node, from));
        });
        return svg;
    }

    function picture(card) {
        var figure = card.querySelector(".heat, .reliability");
        var svg = card.querySelector("svg.chart, svg.plane");
        return figure ? drawn(figure) : svg && dressed(svg);
    }

    async function save(card) {
        var copy = picture(card);
        if (!copy) {
            return;
        }
        var box = copy.viewBox.baseVal;
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
