// The totals over all alerts, and the choices that the filters offer.

import { both, count, language, make, money, severity, text } from "./texts.js";

const id = (name) => document.getElementById(name);

let last = null;
let offered = "";

export function titles() {
  return last ? last.by_rule : {};
}

export function show(summary, filters, choose) {
  last = summary || last;
  if (!last) return;
  id("standing").textContent = count(last.standing);
  id("stake").textContent = money(last.amount);
  id("rate").textContent = last.caught_up ? count(last.per_minute) : "–";
  operations();
  severities(filters, choose);
  rules(filters, choose);
  offer(filters);
}

// Alerts about the monitor itself that fire now, the worst first.
function operations() {
  const firing = (last.operations || []).filter((one) => one.state === "firing");
  id("operations").hidden = firing.length === 0;
  id("operations").replaceChildren(
    ...firing.map((one) =>
      make(
        "li",
        { class: "operation " + (["critical", "warning", "info"].includes(one.severity) ? one.severity : "info") },
        make("b", { class: "code" }, one.name),
        " " + both(one),
      ),
    ),
  );
}

function severities(filters, choose) {
  id("severities").replaceChildren(
    ...["1", "2", "3"].map((code) => {
      const pressed = filters.severity === code;
      const button = make(
        "button",
        { type: "button", class: "sev sev" + code, "aria-pressed": String(pressed), id: "sev" + code },
        make("b", {}, count(last.by_severity[code] || 0)),
        " " + severity(code),
      );
      button.addEventListener("click", () => choose("severity", pressed ? "" : code));
      return button;
    }),
  );
}

function rules(filters, choose) {
  const entries = Object.entries(last.by_rule).filter(([, rule]) => rule.standing > 0);
  entries.sort((a, b) => b[1].standing - a[1].standing || (a[0] < b[0] ? -1 : 1));
  const most = entries.length ? entries[0][1].standing : 1;
  const focused = document.activeElement && document.activeElement.dataset.rule;
  id("rules").replaceChildren(
    ...entries.map(([name, rule]) => {
      const pressed = filters.rule === name;
      const bar = make("i", { "aria-hidden": "true" });
      bar.style.width = Math.max(2, (100 * rule.standing) / most) + "%";
      const button = make(
        "button",
        { type: "button", "aria-pressed": String(pressed), "data-rule": name, title: name },
        make("span", { class: "name" }, both(rule.title)),
        make("span", { class: "number" }, count(rule.standing)),
        make("span", { class: "quiet number" }, rule.amount_fen ? money(rule.amount) : ""),
        bar,
      );
      button.addEventListener("click", () => choose("rule", pressed ? "" : name));
      return make("li", {}, button);
    }),
  );
  if (focused) id("rules").querySelector(`[data-rule="${CSS.escape(focused)}"]`)?.focus();
}

function offer(filters) {
  const rulesNow = Object.keys(last.by_rule);
  const key = [language(), ...rulesNow, "", ...last.institutions.map((pair) => pair[0])].join("\n");
  if (key !== offered) {
    offered = key;
    const option = (value, label) => make("option", { value }, label);
    id("rule").replaceChildren(
      option("", text("all")),
      ...rulesNow.map((name) => option(name, both(last.by_rule[name].title))),
    );
    id("severity").replaceChildren(
      option("", text("all")),
      ...["1", "2", "3"].map((code) => option(code, severity(code))),
    );
    id("institutions").replaceChildren(
      ...last.institutions.map(([code, number]) => option(code, `${code} (${count(number)})`)),
    );
  }
  id("rule").value = filters.rule;
  id("severity").value = filters.severity;
}
