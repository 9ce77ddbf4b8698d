/* Draws a Tree: elements as [tag, properties, child, …] become React elements, so only what differs is touched. */
(function () {
    "use strict";

    function draw(node) {
        if (!Array.isArray(node)) {
            return node;
        }
        return React.createElement.apply(null, [node[0], node[1]].concat(node.slice(2).map(draw)));
    }

    window.dash_ui = {
        Tree: function (props) {
            return draw(["div", {id: props.id, className: props.className}].concat(props.tree || []));
        },
    };
})();
