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

    function at(id) {
        return document.getElementById(id);
    }

    function trouble(name) {
        document.querySelectorAll("[data-trouble]").forEach(function (text) {
            text.hidden = text.dataset.trouble !== name;
        });
    }

    function stop() {
        clearInterval(timer);
        (stream ? stream.getTracks() : []).forEach(function (track) {
            track.stop();
        });
        stream = null;
        at("webcam-video").srcObject = null;
    }

    async function list() {
        var devices = await navigator.mediaDevices.enumerateDevices();
        var used = stream.getVideoTracks()[0].getSettings().deviceId;
        at("webcam-choice").replaceChildren.apply(at("webcam-choice"), devices.filter(function (device) {
            return device.kind === "videoinput";
        }).map(function (device, number) {
            return new Option(device.label || String(number + 1), device.deviceId, false, device.deviceId === used);
        }));
    }

    async function start(deviceId) {
        stop();
        at("webcam-panel").hidden = false;
        if (!navigator.mediaDevices) {
            trouble("insecure");
            return;
        }
        try {
            var wish = {width: {ideal: WIDTH_PX}, facingMode: "environment"};
            stream = await navigator.mediaDevices.getUserMedia({video: deviceId ? {deviceId: {exact: deviceId}} : wish});
        } catch (error) {
            trouble(TROUBLES[error.name] || "busy");
            return;
        }
        trouble(null);
        stream.getVideoTracks()[0].addEventListener("ended", function () {
            stop();
            trouble("lost");
        });
        var video = at("webcam-video");
        video.muted = video.playsInline = true;
        video.srcObject = stream;
        await video.play();
        await list();
        timer = setInterval(frame, EVERY_MS);
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

    document.addEventListener("click", function (event) {
        if (event.target.closest("#webcam")) {
            if (stream) {
                stop();
                at("webcam-panel").hidden = true;
            } else {
                page.go("/?camera=" + camera);
                start();
            }
        } else if (event.target.closest("#webcam-stop")) {
            stop();
            at("webcam-panel").hidden = true;
            page.go("/");
        }
    });
    document.addEventListener("change", function (event) {
        if (event.target.id === "webcam-choice") {
            start(event.target.value);
        }
    });
})();
