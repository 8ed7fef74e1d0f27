// Wires the page: the stream of changes, the filters, the address, and the language.

import * as detail from "./detail.js";
import * as table from "./table.js";
import { choose, count, language, text } from "./texts.js";
import * as totals from "./totals.js";

const RETRY_MS = 3000;
const SPEAK_MS = 5000;
const TYPING_MS = 300;

const id = (name) => document.getElementById(name);
const asked = new URLSearchParams(location.search); // links from elsewhere choose what is shown
const filters = Object.fromEntries(["rule", "institution", "severity", "q"].map((name) => [name, asked.get(name) || ""]));

let stream = null;
let summary = null;
let lost = false;
let unspoken = 0;

function connect() {
  stream?.close();
  const wanted = new URLSearchParams(Object.entries(filters).filter(([, value]) => value));
  const mine = new EventSource("/events?" + wanted);
  stream = mine;
  mine.addEventListener("snapshot", (event) => {
    heard();
    table.replace(JSON.parse(event.data).alerts, totals.titles());
    counted();
    detail.refresh(table.find(detail.openId()), totals.titles());
  });
  mine.addEventListener("changes", (event) => {
    heard();
    for (const change of JSON.parse(event.data)) apply(change);
    counted();
  });
  mine.addEventListener("summary", (event) => {
    heard();
    const first = summary === null;
    summary = JSON.parse(event.data);
    totals.show(summary, filters, filterBy);
    if (first) table.relabel(totals.titles());
    if (first && detail.openId()) followAddress();
    counted();
    state();
  });
  mine.addEventListener("error", () => {
    if (mine !== stream) return;
    lost = true;
    state();
    // the browser tries again by itself unless the server answered with an error
    if (mine.readyState === EventSource.CLOSED) setTimeout(() => mine === stream && connect(), RETRY_MS);
  });
}

function heard() {
  if (!lost) return;
  lost = false;
  state();
}

function apply(change) {
  if (change.entry) {
    if (table.put(change.entry, totals.titles())) unspoken += 1;
    detail.refresh(change.entry, totals.titles());
    return;
  }
  const entry = table.find(change.gone);
  if (entry && change.reason === "withdrawn") {
    detail.refresh({ ...entry, action: "withdrawn", alert: { ...entry.alert, status: "withdrawn" } }, totals.titles());
  }
  table.remove(change.gone, change.reason);
}

function state() {
  const broken = lost || (summary && !summary.connected);
  const name = lost ? "connecting" : !summary ? "connecting" : !summary.connected ? "noBroker" : summary.caught_up ? "live" : "reading";
  id("state").className = "state " + name;
  id("state-text").textContent = text(name);
  id("banner").hidden = !broken;
  id("banner").textContent = broken ? text(lost ? "lost" : "brokerLost") : "";
}

function counted() {
  const shown = table.size();
  const total = Math.max(summary ? summary.matching : 0, shown);
  const partly = summary && summary.kept < summary.standing;
  id("count").textContent = shown
    ? text(partly ? "shownKept" : "shown", { shown: count(shown), total: count(total), kept: count(summary ? summary.kept : shown) })
    : "";
  const filtered = Object.values(filters).some(Boolean);
  id("empty").hidden = shown > 0 || !summary || !summary.caught_up;
  id("empty").textContent = text(filtered ? "noneFiltered" : "none");
}

function filterBy(name, value) {
  if (filters[name] === value) return;
  filters[name] = value;
  id(name).value = value;
  totals.show(null, filters, filterBy);
  connect();
}

function followAddress() {
  const jrId = decodeURIComponent(location.hash.slice(1));
  if (/^[0-9a-f]{32}$/.test(jrId)) detail.show(jrId, table.find(jrId), totals.titles);
  else detail.close();
}

function label() {
  document.documentElement.lang = language() === "zh" ? "zh-CN" : "en";
  document.title = text("title");
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = text(element.dataset.text);
  for (const button of document.querySelectorAll("[data-lang]")) {
    button.setAttribute("aria-pressed", String(button.dataset.lang === language()));
  }
  id("q").placeholder = text("searchHint");
  id("institution").placeholder = text("institutionHint");
  totals.show(null, filters, filterBy);
  table.relabel(totals.titles());
  counted();
  state();
}

function later(action) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(action, TYPING_MS);
  };
}

for (const name of ["rule", "severity"]) id(name).addEventListener("change", (event) => filterBy(name, event.target.value));
for (const name of ["institution", "q"]) id(name).addEventListener("input", later(() => filterBy(name, id(name).value.trim())));
id("filters").addEventListener("submit", (event) => event.preventDefault());
id("filters").addEventListener("reset", (event) => {
  event.preventDefault();
  for (const name of Object.keys(filters)) {
    filters[name] = "";
    id(name).value = "";
  }
  totals.show(null, filters, filterBy);
  connect();
});
for (const button of document.querySelectorAll("[data-lang]")) {
  button.addEventListener("click", () => {
    choose(button.dataset.lang);
    for (const name of ["institution", "q"]) id(name).value = filters[name];
label();
    if (detail.openId()) followAddress();
  });
}
id("skip").addEventListener("click", (event) => {
  event.preventDefault();
  id("alerts").focus();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && detail.openId()) detail.leave();
});
addEventListener("hashchange", followAddress);
addEventListener("popstate", followAddress);
setInterval(() => {
  if (unspoken) id("spoken").textContent = text("spokenNew", { n: unspoken });
  unspoken = 0;
}, SPEAK_MS);

for (const name of ["institution", "q"]) id(name).value = filters[name];
label();
connect();
followAddress();
