/* Draws a Tree: elements as [tag, properties, child, …] become React elements, so only what differs is touched. */
(function () {
    "use strict";

    var STYLES = {
        time: {timeStyle: "medium"},
        datetime: {dateStyle: "medium", timeStyle: "medium"},
    };
    var formats = {};

    /* A moment in the reader's own time zone and language, which the server does not know. */
    function moment(props) {
        var language = document.documentElement.lang;
        var style = props["data-style"] || "datetime";
        var key = language + style;
        formats[key] = formats[key] || new Intl.DateTimeFormat(language, STYLES[style]);
        var date = new Date(props.dateTime);
        return isNaN(date) ? props.dateTime : formats[key].format(date);
    }

    /* A sparkline, of which only the path is sent. */
    function spark(props) {
        var hidden = props.title ? {role: "img", "aria-label": props.title} : {"aria-hidden": "true"};
        var box = Object.assign({className: "spark", viewBox: "0 0 100 20", preserveAspectRatio: "none"}, hidden);
        return React.createElement("svg", box, React.createElement("path", {d: props.d}));
    }

    function draw(node) {
        if (!Array.isArray(node)) {
            return node;
        }
        if (node[0] === "time") {
            return React.createElement("time", node[1], moment(node[1]));
        }
        if (node[0] === "spark") {
            return spark(node[1]);
        }
        return React.createElement.apply(null, [node[0], node[1]].concat(node.slice(2).map(draw)));
    }

    window.dash_ui = {
        Tree: function (props) {
            return draw(["div", {id: props.id, className: props.className}].concat(props.tree || []));
        },
    };
})();
