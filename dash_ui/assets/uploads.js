/* Sending files: by the button or by dropping them anywhere; the server writes the words. */
(function () {
    "use strict";
    var MAX_BYTES = 10 * 1024 * 1024;
    var AT_ONCE = 3;
    var SHOW_EVERY_MS = 200;
    var page = window.streamapp;
    var files = [];
    var chosenEver = 0;
    var showing = null;

    function show() {
        showing = showing || setTimeout(function () {
            showing = null;
            page.tell("uploads", files.map(function (file) {
                return Object.assign({}, file);
            }));
        }, SHOW_EVERY_MS);
    }

    /* POST one image: resolves to the API's answer, rejects with its problem; `progress` gets the share that is sent. */
    page.send = function (blob, headers, progress) {
        return new Promise(function (resolve, reject) {
            var request = new XMLHttpRequest();
            request.open("POST", "/upload");
            Object.keys(headers).forEach(function (name) {
                request.setRequestHeader(name, encodeURIComponent(headers[name]));
            });
            request.responseType = "json";
            request.upload.onprogress = function (event) {
                progress(event.total ? event.loaded / event.total : 0);
            };
            request.onload = function () {
                (request.status < 300 ? resolve : reject)(request.response || {type: "unreachable"});
            };
            request.onerror = function () {
                reject({type: "unreachable"});
            };
            request.send(blob);
        });
    };

    async function sendOne(file, entry) {
        try {
            if (file.size > MAX_BYTES) {
                throw {type: "too-large"};
            }
            var answer = await page.send(file, {"X-Filename": file.name}, function (share) {
                entry.sent = share;
                show();
            });
            entry.state = "accepted";
            entry.image_id = answer.image_id;
        } catch (problem) {
            entry.state = "refused";
            entry.problem = problem.type;
            entry.message = problem.detail || problem.title;
        }
        show();
    }

    function underWay(file) {
        return file.state === "sending";
    }

    /* The lines of files that have their answer go away. */
    function forget() {
        files.forEach(function (file) {
            if (!underWay(file)) {
                URL.revokeObjectURL(file.preview);
            }
        });
        files = files.filter(underWay);
    }

    async function send(chosen) {
        forget();
        var waiting = chosen.map(function (file) {
            var picture = /^image\//.test(file.type);
            return {file: file, entry: {id: chosenEver += 1, name: file.name, state: "sending", sent: 0, preview: picture ? URL.createObjectURL(file) : ""}};
        });
        var sent = waiting.map(function (pair) {
            return pair.entry;
        });
        files = files.concat(sent);
        show();
        async function worker() {
            while (waiting.length) {
                var pair = waiting.shift();
                await sendOne(pair.file, pair.entry);
            }
        }
        await Promise.all(Array.from({length: AT_ONCE}, worker));
        // One image: show its race. Many: they are in the strip.
        if (sent.length === 1 && sent[0].state === "accepted") {
            page.go("/?pin=" + sent[0].image_id);
        }
    }

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

    document.addEventListener("click", function (event) {
        if (event.target.closest("#upload")) {
            choose();
        } else if (event.target.closest("[data-dismiss]")) {
            forget();
            show();
        }
    });

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
