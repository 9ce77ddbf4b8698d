/* Draws a Tree: elements as [tag, properties, child, …] become React elements, so only what differs is touched. */
(function () {
    "use strict";

    var STYLES = {
        date: {dateStyle: "medium"},
        time: {timeStyle: "medium"},
        short: {dateStyle: "short", timeStyle: "medium"},
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

    /* A moment as a field for one takes it: in the reader's own time zone, to the minute. */
    function local(iso) {
        var date = new Date(iso);
        return isNaN(date) ? "" : new Date(date - date.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
    }

    /* A field that takes another value when it is sent one, and keeps the focus. */
    function Field(props) {
        var node = React.useRef(null);
        var given = props.own.defaultValue;
        var value = props.own.type === "datetime-local" ? local(given) : given;
        React.useEffect(function () {
            node.current.value = value;
        }, [value, props.options.length]);
        var own = Object.assign({}, props.own, {ref: node, defaultValue: value});
        return React.createElement.apply(null, [props.tag, own].concat(props.options));
    }

    /* Such fields tell moments in universal time, which is what URLs and the API have. */
    document.addEventListener("formdata", function (event) {
        event.target.querySelectorAll("input[type=datetime-local]").forEach(function (field) {
            event.formData.set(field.name, field.value && new Date(field.value).toISOString().slice(0, 19) + "Z");
        });
    });

    function draw(node) {
        if (!Array.isArray(node)) {
            return node;
        }
        if (node[1].defaultValue !== undefined) {
            return React.createElement(Field, {tag: node[0], own: node[1], options: node.slice(2).map(draw), key: node[1].name});
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
        draw: draw,
        moment: moment,
        Tree: function (props) {
            return draw(["div", {id: props.id, className: props.className}].concat(props.tree || []));
        },
    };
})();
