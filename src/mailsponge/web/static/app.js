"use strict";
// All that the pages need beside htmx. Whatever is done here can be done without it, with a reload or a click more.

// Parts that may change by themselves ask again, while they are looked at and nobody works in them.
const LIVE_EVERY = 10000;
const refresh = () => {
  if (document.visibilityState !== "visible") return;
  for (const part of document.querySelectorAll("[data-live]")) {
    if (!part.contains(document.activeElement)) window.htmx?.trigger(part, "refresh");
  }
};
setInterval(refresh, LIVE_EVERY);

// <body data-events="/mail/events?since=17"> hears of changes at once. A page that nobody looks at does not listen.
const address = document.body.dataset.events;
let stream = null;
const listen = () => {
  if (!address || document.visibilityState !== "visible") {
    stream?.close();
    stream = null;
  } else if (stream === null) {
    stream = new EventSource(address);
    stream.addEventListener("changed", refresh);
  }
};
if (window.EventSource) {
  document.addEventListener("visibilitychange", () => { listen(); refresh(); });
  listen();
}
