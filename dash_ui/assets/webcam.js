/* The visitor's own camera: one frame every half second goes the way of every upload. */
(function () {
    "use strict";
    var EVERY_MS = 500;
    var WIDTH_PX = 640;
    var QUALITY = 0.85;
    var TROUBLES = {NotAllowedError: "denied", SecurityError: "denied", NotFoundError: "missing", NotReadableError: "busy"};
    var page = window.streamapp;
    var camera = "browser-" + Math.random().toString(36).slice(2, 6);
    var canvas = document.createElement("canvas");
    var stream = null;
    var timer = null;
    var sending = false;
    var sent = 0;
    var run = 0; // what was begun in an earlier one is of no use any more

    function at(id) {
        return document.getElementById(id);
    }

    function trouble(name) {
        document.querySelectorAll("[data-trouble]").forEach(function (text) {
            text.hidden = text.dataset.trouble !== name;
        });
    }

    function turnOff(camera) {
        camera.getTracks().forEach(function (track) {
            track.stop();
        });
    }

    function stop() {
        run += 1;
        clearInterval(timer);
        if (stream) {
            turnOff(stream);
        }
        stream = null;
        at("webcam-video").srcObject = null;
    }

    async function list(used) {
        var devices = await navigator.mediaDevices.enumerateDevices();
        at("webcam-choice").replaceChildren.apply(at("webcam-choice"), devices.filter(function (device) {
            return device.kind === "videoinput";
        }).map(function (device, number) {
            return new Option(device.label || String(number + 1), device.deviceId, false, device.deviceId === used);
        }));
    }

    async function start(deviceId) {
        stop();
        var mine = run, opened;
        at("webcam-panel").hidden = false;
        if (!navigator.mediaDevices) {
            trouble("insecure");
            return;
        }
        try {
            var wish = {width: {ideal: WIDTH_PX}, facingMode: "environment"};
            opened = await navigator.mediaDevices.getUserMedia({video: deviceId ? {deviceId: {exact: deviceId}} : wish});
        } catch (error) {
            if (mine === run) {
                trouble(TROUBLES[error.name] || "busy");
            }
            return;
        }
        if (mine !== run) { // stopped before the camera was there
            turnOff(opened);
            return;
        }
        stream = opened;
        trouble(null);
        var track = stream.getVideoTracks()[0];
        track.addEventListener("ended", function () {
            stop();
            trouble("lost");
        });
        var video = at("webcam-video");
        video.muted = video.playsInline = true;
        video.srcObject = stream;
        video.play().catch(function () {
            if (mine === run) { // otherwise it was stopped before its first picture
                trouble("busy");
            }
        });
        await list(track.getSettings().deviceId);
        if (mine === run) {
            timer = setInterval(frame, EVERY_MS);
        }
    }

    /* A frame is left out while the last one is on its way: what is live is never late. */
    function frame() {
        var video = at("webcam-video");
        if (sending || !video.videoWidth) {
            return;
        }
        sending = true;
        canvas.width = Math.min(WIDTH_PX, video.videoWidth);
        canvas.height = Math.round(canvas.width * video.videoHeight / video.videoWidth);
        canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
        canvas.toBlob(async function (blob) {
            try {
                await page.send(blob, {"X-Filename": "frame.jpg", "X-Camera": camera}, function () {});
                sent += 1;
                at("webcam-sent").textContent = sent.toLocaleString(document.documentElement.lang);
                trouble(null);
            } catch (problem) {
                trouble("refused");
            }
            sending = false;
        }, "image/jpeg", QUALITY);
    }

    /* Nothing more comes from this camera, so a page that shows it alone shows all again. */
    function end() {
        stop();
        at("webcam-panel").hidden = true;
        if (new URLSearchParams(location.search).get("camera") === camera) {
            page.go("/");
        }
    }

    document.addEventListener("click", function (event) {
        if (event.target.closest("#webcam-stop") || (stream && event.target.closest("#webcam"))) {
            end();
        } else if (event.target.closest("#webcam")) {
            page.go("/?camera=" + camera);
            start();
        }
    });
    document.addEventListener("change", function (event) {
        if (event.target.id === "webcam-choice") {
            start(event.target.value);
        }
    });
})();
