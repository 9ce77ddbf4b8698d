/* The grid of images: how its cells are drawn, and how a row is opened. Every word comes from the server. */
(function () {
    "use strict";
    var cells = (window.dashAgGridComponentFunctions = window.dashAgGridComponentFunctions || {});
    var functions = (window.dashAgGridFunctions = window.dashAgGridFunctions || {});
    var opened = null;

    cells.Thumbnail = function (props) {
        var image = React.createElement("img", {src: "/thumb/" + props.data.id, alt: "", loading: "lazy"});
        return React.createElement("a", {href: props.data.url, "aria-label": props.words, tabIndex: -1}, image);
    };

    cells.Moment = function (props) {
        var moment = {dateTime: props.value, "data-style": "short"};
        return React.createElement("time", moment, window.dash_ui.moment(moment));
    };

    cells.Consensus = function (props) {
        return React.createElement("span", null, props.value, props.data.mark.map(window.dash_ui.draw));
    };

    /* A click, or Enter in any cell of the row; the link in it is for opening another tab. */
    functions.openImage = function (params) {
        var key = params.event && params.event.key;
        if (!params.data || (key && key !== "Enter") || (params.event && params.event.target.closest("a"))) {
            return;
        }
        opened = document.activeElement;
        window.streamapp.go(params.data.url);
    };

    /* Who closes the image is where they were. */
    new MutationObserver(function () {
        if (opened && opened.isConnected && !document.querySelector("#images-detail dialog") && !/[?&]open=/.test(location.search)) {
            opened.focus();
            opened = null;
        }
    }).observe(document.documentElement, {subtree: true, childList: true});
})();
