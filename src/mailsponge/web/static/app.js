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
    stream.addEventListener("changed", () => { refresh(); document.body.dispatchEvent(new Event("news")); });
  }
};
if (window.EventSource) {
  document.addEventListener("visibilitychange", () => { listen(); refresh(); });
  listen();
}

// Keys. What has a data-key is clicked, or focused, by that key; in a list of letters j and k walk, x chooses, s stars.
const current = () => document.activeElement?.closest(".letter");
const walk = (step) => {
  const letters = [...document.querySelectorAll("#list .letter, .others .letter")];
  const next = letters[letters.indexOf(current()) + step] ?? (current() ? null : letters[0]);
  next?.querySelector("a").focus();
  next?.scrollIntoView({ block: "nearest" });
};
const leave = (letter) => (letter?.nextElementSibling ?? letter?.previousElementSibling)?.querySelector("a")?.focus();
const discard = () => {
  const button = document.querySelector("#list button[value=delete]");
  const letter = current();
  if (!document.querySelector("#list .letter input:checked")) letter?.querySelector("input").click();
  if (letter?.querySelector("input").checked) leave(letter);
  button?.click();
};
const KEYS = {
  j: () => walk(1),
  k: () => walk(-1),
  x: () => current()?.querySelector("input")?.click(),
  s: () => current()?.querySelector(".star")?.click(),
  "#": discard,
  "?": () => document.querySelector("dialog#keys")?.showModal(),
};
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=checkbox]), textarea, select, dialog");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const named = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (!named && !(event.key in KEYS)) return;
  event.preventDefault();
  if (!named) KEYS[event.key]();
  else if (named.matches("input")) named.focus();
  else named.click();
});

// Choosing all that are shown at once needs this script, so its box is hidden without it.
const all = document.getElementById("all");
if (all) {
  all.closest("label").hidden = false;
  all.addEventListener("change", () => {
    for (const box of document.querySelectorAll("#list .letter input")) box.checked = all.checked;
  });
}
