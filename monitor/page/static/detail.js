// The panel with everything an alert says. Its address is the alert's id after `#`, so that it can be passed on.

import { basis, both, count, discriminator, kind, language, make, money, severity, text, tier } from "./texts.js";

const panel = () => document.getElementById("detail");
let open = "";
let cameFrom = null;

export function openId() {
  return open;
}

export async function show(jrId, known, titles) {
  if (!open) cameFrom = document.activeElement;
  open = jrId;
  if (known) draw(known, titles);
  let entry = known;
  try {
    const answer = await fetch("/api/alerts/" + encodeURIComponent(jrId));
    if (answer.ok) entry = await answer.json();
    else if (answer.status === 404) entry = null;
  } catch {
    // the connection is lost: what the list has is the best there is
  }
  if (open !== jrId) return;
  if (entry) draw(entry, titles());
  else missing(jrId);
}

export function refresh(entry, titles) {
  if (open && entry && entry.alert.jr_id === open) fill(entry, titles, false);
}

export function close() {
  if (!open) return;
  open = "";
  panel().hidden = true;
  document.body.classList.remove("with-detail");
  const back = cameFrom && cameFrom.isConnected ? cameFrom : document.getElementById("alerts");
  back.focus({ preventScroll: true });
}

function draw(entry, titles) {
  fill(entry, typeof titles === "function" ? titles() : titles, panel().hidden);
}

function missing(jrId) {
  const first = panel().hidden;
  panel().replaceChildren(head(text("alertId"), null), make("p", {}, text("notFound")), make("p", { class: "code quiet" }, jrId));
  reveal(first);
}

function reveal(first) {
  panel().hidden = false;
  document.body.classList.add("with-detail");
  if (first) panel().focus({ preventScroll: true });
}

function head(title, entry) {
  const button = make("button", { type: "button", class: "close", "aria-label": text("close"), title: text("close") }, "×");
  button.addEventListener("click", leave);
  return make(
    "div",
    { class: "head" },
    make(
      "div",
      {},
      entry ? make("span", { class: "sev sev" + entry.alert.sev_deg }, severity(entry.alert.sev_deg)) : null,
      make("h2", { id: "detail-title" }, title),
      entry ? make("p", { class: "quiet code" }, entry.alert.rule_id) : null,
    ),
    button,
  );
}

// Closes the panel and takes the alert out of the address.
export function leave() {
  history.pushState(null, "", location.pathname + location.search);
  close();
}

function part(title, ...pairs) {
  const rows = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  if (!rows.length) return null;
  return make(
    "section",
    {},
    make("h3", {}, text(title)),
    make("dl", {}, ...rows.flatMap(([name, value]) => [make("dt", {}, text(name)), make("dd", {}, value)])),
  );
}

function code(value) {
  return value ? make("span", { class: "code" }, value) : null;
}

// Observed values and limits are numbers, texts, lists or small tables of the rule's own.
function plain(value) {
  if (value === null || value === undefined) return null;
  if (Array.isArray(value)) return value.length ? value.map((item) => shortly(item)).join(", ") : "–";
  if (typeof value === "object") {
    return make("dl", { class: "inner" }, ...Object.entries(value).flatMap(([name, item]) => [make("dt", {}, name), make("dd", {}, shortly(item))]));
  }
  return shortly(value);
}

function shortly(value) {
  if (typeof value === "number") return count(value);
  // a plain decimal is an amount or a rate; whole numbers in texts may be codes
  if (typeof value === "string") return /^\d+\.\d+$/.test(value) ? money(value) : value;
  return JSON.stringify(value);
}

function fill(entry, titles, first) {
  const alert = entry.alert;
  const evidence = alert.evidence || { facts: [], facts_total: 0 };
  const scroll = panel().scrollTop;
  const other = language() === "zh" ? "en" : "zh";
  panel().replaceChildren(...[
    head(both(titles[alert.rule_id]?.title) || alert.rule_id, entry),
    make("p", { class: "reason" }, both(alert.vola_cont)),
    make("p", { class: "stake" }, money(alert.vola_amt), make("span", { class: "quiet" }, " " + text("stake"))),
    part("measured", ["observed", plain(evidence.observed)], ["limit", plain(evidence.limit)],
      ["window", alert.window ? `${alert.window.from} – ${alert.window.to}` : null]),
    part("identity", ["about", make("span", {}, kind(alert.about.kind) + " ", code(alert.about.id))],
      ["band", discriminator(alert.discriminator)], ["institution", code(alert.fixmedins_code)], ["person", code(alert.psn_no)]),
    part("terms", ["clause", (alert.basis || []).map((one) => basis(one, alert.terms_id)).join(language() === "zh" ? "、" : ", ")], ["tier", tier(alert.tier)], ["termsId", code(alert.terms_id)], ["ruleVer", alert.rule_ver]),
    evidence.facts.length
      ? make("section", {}, make("h3", {}, text("facts")),
          make("p", { class: "quiet" }, text("factsOf", { shown: count(evidence.facts.length), total: count(evidence.facts_total) })),
          make("ul", { class: "facts" }, ...evidence.facts.map((fact) => make("li", { class: "code" }, fact))))
      : null,
    part("record", ["status", text(alert.status === "withdrawn" ? "withdrawn" : entry.action || "raised")], ["revision", entry.revision],
      ["time", entry.at], ["cause", code(entry.cause)], ["alertId", code(alert.jr_id)]),
    alert.vola_cont ? make("section", {}, make("h3", {}, text("others")), make("p", { lang: other }, alert.vola_cont[other])) : null,
  ].filter(Boolean));
  reveal(first);
  panel().scrollTop = first ? 0 : scroll;
}
