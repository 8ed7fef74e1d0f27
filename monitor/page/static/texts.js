// Every text of the page in Chinese and English, and the choice between the two.

const TEXTS = {
  title: { zh: "医保结算实时监测", en: "Claims monitor" },
  subtitle: { zh: "疑点随结算实时提示，人员编号以假名显示", en: "What stands out in settlements, as they happen; persons under pseudonyms" },
  skip: { zh: "跳到疑点列表", en: "Skip to the alerts" },
  standing: { zh: "当前疑点", en: "Alerts standing" },
  stake: { zh: "涉及金额（元）", en: "Money at stake (yuan)" },
  rate: { zh: "每分钟变动", en: "Changes a minute" },
  bySeverity: { zh: "按严重程度", en: "By severity" },
  byRule: { zh: "按规则（条数，金额元）", en: "By rule (number, yuan)" },
  rule: { zh: "规则", en: "Rule" },
  severity: { zh: "严重程度", en: "Severity" },
  institution: { zh: "机构", en: "Institution" },
  search: { zh: "搜索", en: "Search" },
  searchHint: { zh: "编号、事实、说明文字…", en: "ids, facts, words of the reason …" },
  institutionHint: { zh: "机构编码", en: "institution code" },
  clear: { zh: "清除", en: "Clear" },
  all: { zh: "全部", en: "All" },
  caption: { zh: "最新的疑点在最前", en: "Alerts, the newest first" },
  time: { zh: "时间", en: "Time" },
  about: { zh: "对象", en: "About" },
  amount: { zh: "金额（元）", en: "Yuan at stake" },
  reason: { zh: "说明", en: "Reason" },
  sev1: { zh: "明确违规", en: "Certain" },
  sev2: { zh: "高度可疑", en: "Highly suspicious" },
  sev3: { zh: "可疑", en: "Suspicious" },
  raised: { zh: "新增", en: "New" },
  revised: { zh: "已更新", en: "Revised" },
  withdrawn: { zh: "已撤销", en: "Withdrawn" },
  live: { zh: "实时", en: "Live" },
  reading: { zh: "正在读取历史…", en: "Reading the topic …" },
  connecting: { zh: "正在连接…", en: "Connecting …" },
  noBroker: { zh: "Kafka 无应答", en: "Kafka does not answer" },
  lost: { zh: "与监测服务的连接已断开，正在自动重连。以下内容可能已过时。", en: "The connection to the monitor is lost; trying again. What you see may be out of date." },
  brokerLost: { zh: "监测页面读不到 Kafka，正在重试。以下内容可能已过时。", en: "The page cannot read Kafka; trying again. What you see may be out of date." },
  shown: { zh: "显示最新 {shown} 条，符合条件的共 {total} 条", en: "Showing the newest {shown} of {total} that match" },
  shownKept: { zh: "显示最新 {shown} 条，符合条件的共 {total} 条（仅最新的 {kept} 条可检索）", en: "Showing the newest {shown} of {total} that match (the newest {kept} can be searched)" },
  none: { zh: "目前没有疑点", en: "No alert stands" },
  noneFiltered: { zh: "没有符合条件的疑点", en: "No alert matches the filters" },
  spokenNew: { zh: "新增 {n} 条疑点", en: "{n} new alerts" },
  close: { zh: "关闭", en: "Close" },
  notFound: { zh: "该疑点已不成立，或已不在最新的疑点之列。", en: "This alert does not stand any more, or is not among the newest." },
  unfiltered: { zh: "（已不符合当前筛选）", en: "(no longer matches the filters)" },
  why: { zh: "为什么", en: "Why" },
  measured: { zh: "实测与限值", en: "Observed and limit" },
  observed: { zh: "实测", en: "Observed" },
  limit: { zh: "限值", en: "Limit" },
  window: { zh: "时间窗", en: "Window" },
  identity: { zh: "涉及对象", en: "Whom and what" },
  person: { zh: "人员（假名）", en: "Person (pseudonym)" },
  band: { zh: "档次或细项", en: "Step or part" },
  facts: { zh: "证据事实", en: "Facts in evidence" },
  factsOf: { zh: "列出 {shown} 条，共 {total} 条", en: "{shown} listed of {total}" },
  terms: { zh: "依据", en: "Basis" },
  clause: { zh: "条款", en: "Clause" },
  tier: { zh: "处理档次", en: "Tier" },
  termsId: { zh: "参数版本", en: "Version of the terms" },
  ruleVer: { zh: "规则版本", en: "Rule version" },
  record: { zh: "记录", en: "Record" },
  status: { zh: "状态", en: "Status" },
  revision: { zh: "修订次数", en: "Revision" },
  cause: { zh: "最近由何事实引起", en: "Last caused by" },
  alertId: { zh: "疑点编号", en: "Alert id" },
  others: { zh: "其他语言", en: "In the other language" },
};

const KINDS = {
  settlement: { zh: "结算", en: "settlement" },
  stay: { zh: "住院", en: "stay" },
  "fee-line": { zh: "费用明细", en: "fee line" },
  visit: { zh: "就诊", en: "visit" },
  person: { zh: "人员", en: "person" },
  leave: { zh: "请假", en: "leave" },
  institution: { zh: "机构", en: "institution" },
  department: { zh: "科室", en: "department" },
  physician: { zh: "医师", en: "physician" },
  "drug-code": { zh: "药品追溯", en: "drug code" },
};

// Discriminators of the rules that are words; others are numbers, codes or beds.
const PARTS = {
  "1d": { zh: "1天内", en: "within a day" },
  "7d": { zh: "7天内", en: "within 7 days" },
  "1d-same": { zh: "1天内同机构同病种", en: "within a day, same institution and disease" },
  item: { zh: "同一药品", en: "one drug" },
  class: { zh: "同一小类药品", en: "one class of drugs" },
  fund: { zh: "统筹基金支出", en: "fund cost" },
  settlements: { zh: "结算笔数", en: "settlements" },
  persons: { zh: "就诊人数", en: "persons" },
  "out-of-region": { zh: "异地就医", en: "out of region" },
  night: { zh: "夜间结算", en: "settled at night" },
  quota: { zh: "总额指标日均", en: "the quota's part of a day" },
};

const TIERS = {
  review: { zh: "人工复核", en: "for review" },
  supervision: { zh: "加强监管", en: "closer supervision" },
  unpaid: { zh: "不予支付", en: "not paid" },
};

// What clauses of the default terms are from; a centre's own terms name their own.
const SOURCES = {
  SQ: { zh: "宿迁协议2018", en: "Suqian agreement 2018" },
  M: { zh: "协议范本2014", en: "model agreement 2014" },
  CF: { zh: "赤峰协议", en: "Chifeng agreement" },
  JL: { zh: "吉林协议2003", en: "Jilin agreement 2003" },
  N: { zh: "国家规定", en: "national rules" },
};

const STORED = "claims-monitor-language";
let current = first();

function first() {
  const asked = new URLSearchParams(location.search).get("lang");
  if (asked === "zh" || asked === "en") return asked;
  try {
    const stored = localStorage.getItem(STORED);
    if (stored === "zh" || stored === "en") return stored;
  } catch {
    // storage can be forbidden; the browser's language does
  }
  return (navigator.language || "en").toLowerCase().startsWith("zh") ? "zh" : "en";
}

export function language() {
  return current;
}

export function choose(lang) {
  current = lang;
  try {
    localStorage.setItem(STORED, lang);
  } catch {
    // forgotten at the next visit
  }
}

export function text(name, values = {}) {
  return TEXTS[name][current].replace(/\{(\w+)\}/g, (_, key) => values[key]);
}

export function both(pair) {
  return pair ? pair[current] || pair.en || pair.zh || "" : "";
}

export function kind(name) {
  return KINDS[name] ? KINDS[name][current] : name;
}

export function severity(code) {
  return TEXTS["sev" + code] ? text("sev" + code) : code || "–";
}

export function discriminator(value) {
  return PARTS[value] ? PARTS[value][current] : value;
}

export function tier(value) {
  if (TIERS[value]) return TIERS[value][current];
  const step = /^T(\d)$/.exec(value || "");
  if (!step) return value;
  return current === "zh" ? `罚则第${step[1]}档` : `step ${step[1]} of the penalty ladder`;
}

export function basis(clause, termsId) {
  const [source, ...rest] = clause.split(" ");
  if (!SOURCES[source] || !(termsId || "").startsWith("default-")) return clause;
  return [SOURCES[source][current], ...rest].join(" ");
}

// Money stays text: a binary float would lose fen of large sums.
export function money(amount) {
  if (amount === null || amount === undefined) return "–";
  const [whole, cents] = amount.split(".");
  return whole.replace(/\B(?=(\d{3})+$)/g, ",") + (cents === undefined ? "" : "." + cents);
}

export function count(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
}

// One DOM element; children are nodes or texts, so that no value is ever read as HTML.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}
