// The list of alerts: rows by alert id, the newest first, with a quiet mark on what changed.

import { both, kind, make, money, severity, text } from "./texts.js";

const MOST = 200;
const LINGER_MS = 4000;
const shown = new Map();

const body = () => document.getElementById("rows");
const older = (a, b) => a.at < b.at || (a.at === b.at && a.order < b.order);

export function size() {
  return shown.size;
}

export function find(jrId) {
  return shown.get(jrId)?.entry;
}

export function replace(entries, titles) {
  shown.clear();
  body().replaceChildren(
    ...entries.map((entry) => {
      const row = build(entry, titles);
      shown.set(entry.alert.jr_id, { entry, row });
      return row;
    }),
  );
}

export function relabel(titles) {
  replace([...shown.values()].map((held) => held.entry).sort((a, b) => (older(a, b) ? 1 : -1)), titles);
}

// Puts an alert where its time belongs; tells whether it was not there before.
export function put(entry, titles) {
  const jrId = entry.alert.jr_id;
  const before = shown.get(jrId);
  const row = build(entry, titles);
  row.classList.add(before ? "fresh-revised" : "fresh-raised");
  row.querySelector(".rule").append(make("span", { class: "tag" }, text(entry.action === "revised" ? "revised" : "raised")));
  const focused = before && before.row.contains(document.activeElement);
  before?.row.remove();
  let next = body().firstElementChild;
  while (next && older(entry, shown.get(next.dataset.id)?.entry || entry)) next = next.nextElementSibling;
  body().insertBefore(row, next);
  shown.set(jrId, { entry, row });
  if (focused) row.querySelector("a").focus();
  trim();
  return !before;
}

export function remove(jrId, reason) {
  const held = shown.get(jrId);
  if (!held) return;
  if (reason !== "withdrawn") {
    held.row.remove();
    shown.delete(jrId);
    return;
  }
  held.row.classList.add("withdrawn");
  held.row.querySelector(".tag")?.remove();
  held.row.querySelector(".rule").append(make("span", { class: "tag" }, text("withdrawn")));
  setTimeout(() => {
    if (shown.get(jrId) !== held) return;
    held.row.remove();
    shown.delete(jrId);
  }, LINGER_MS);
}

function trim() {
  while (shown.size > MOST) {
    const last = body().lastElementChild;
    shown.delete(last.dataset.id);
    last.remove();
  }
}

function build(entry, titles) {
  const alert = entry.alert;
  const cell = (name, label, ...content) => make("td", { class: name, "data-label": label ? text(label) : null }, ...content);
  const [day, clock] = entry.at.split(" ");
  const link = make("a", { href: "#" + alert.jr_id }, both(titles[alert.rule_id]?.title) || alert.rule_id);
  const row = make(
    "tr",
    { "data-id": alert.jr_id, class: "level" + (alert.sev_deg || "") },
    cell("at", null, make("time", { datetime: entry.at.replace(" ", "T") + "+08:00" }, make("span", { class: "quiet" }, day + " "), clock)),
    cell("level", null, make("span", { class: "sev sev" + alert.sev_deg }, severity(alert.sev_deg))),
    cell("rule", null, link),
    cell("about", "about", make("span", { class: "quiet" }, kind(alert.about.kind) + " "), make("span", { class: "code" }, alert.about.id)),
    cell("inst", "institution", make("span", { class: "code" }, alert.fixmedins_code || "–")),
    cell("amount", "amount", money(alert.vola_amt)),
    cell("why", null, both(alert.vola_cont)),
  );
  row.addEventListener("click", (event) => {
    if (event.target.closest("a") || String(getSelection())) return;
    location.hash = alert.jr_id;
  });
  return row;
}
