"use strict";
// Everything shown is made with textContent and createElement: what customers and agents write is never markup.
const $ = (id) => document.getElementById(id);
const make = (tag, cls, text) => {
  const e = document.createElement(tag);
  if (cls) e.className = cls;
  if (text !== undefined) e.textContent = text;
  return e;
};
let person = "", state = null, aim = null, ad = false, forward = false, shown = "", looking = false, again = false;

// What was looked up before or while something is changed is stale, and would flip a switch back under the pointer.
let changes = 0, open = 0;
async function post(path, body) {
  changes++;
  open++;
  try {
    const res = await fetch("/play/" + path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    if (!res.ok) { warn(await res.text()); return null; }
    return await res.json();
  } catch {
    warn("WhatsApp is not reachable");
    return null;
  } finally {
    open--;
    look();
  }
}
let warned = 0;
function warn(text) {
  $("note").textContent = text.trim();
  $("note").hidden = false;
  clearTimeout(warned);
  warned = setTimeout(() => { $("note").hidden = true; }, 5000);
}

async function look() {
  if (looking) { again = true; return; }
  looking = true;
  try {
    const at = changes, res = await fetch("/play/state?person=" + encodeURIComponent(person));
    const next = res.ok ? await res.json() : null;
    if (next && at === changes && !open) { state = next; draw(); }
  } catch { $("engine").textContent = "not reachable"; }
  looking = false;
  if (again) { again = false; look(); }
}

async function act(line) {
  if (!person) return null;
  const body = { Person: person, ...line };
  if (ad) body.FromAd = true;
  if (forward) body.Forwarded = 1;
  if (aim && aim.kind === "quote" && !line.Press && !line.React && !line.NoReaction && !line.Revoke) { body.Quote = true; body.To = aim.id; }
  // What was chosen for this message is used up as it leaves, so that what is chosen meanwhile is for the next one.
  const used = { ad, forward, aim };
  ad = forward = false;
  target(null);
  toggles();
  const done = await post("do", body);
  if (!done && !ad && !forward && !aim) { ({ ad, forward } = used); target(used.aim); toggles(); }
  return done;
}
function target(next) {
  aim = next;
  $("aim").hidden = !next;
  if (next) { $("aim-text").textContent = (next.kind === "edit" ? "Editing: " : "Answering: ") + next.text; $("text").focus(); }
}
function toggles() {
  document.querySelector('[data-toggle="ad"]').setAttribute("aria-pressed", String(ad));
  document.querySelector('[data-toggle="forward"]').setAttribute("aria-pressed", String(forward));
}

const initials = (name) => [...name.replace(/[^\p{L}\p{N} ]/gu, "").trim()].slice(0, 1).join("").toUpperCase() || "?";
const address = (p) => [p.number ? "+" + p.number : "", p.username ? "@" + p.username : ""].filter(Boolean).join(" · ") || "user id only";
const span = (min) => min >= 60 ? Math.floor(min / 60) + " h" : min + " min";

function draw() {
  const people = $("people");
  people.replaceChildren(...state.people.map((p) => {
    const li = make("li"), b = make("button");
    b.dataset.key = p.key;
    b.setAttribute("aria-current", String(p.key === person));
    const lines = make("div", "lines");
    lines.append(make("b", "", p.name), make("span", "", p.last || address(p)));
    b.append(make("div", "avatar", initials(p.name)), lines);
    b.addEventListener("click", () => { person = p.key; shown = ""; target(null); look(); });
    li.append(b);
    return li;
  }));
  $("engine").textContent = state.posted + " delivered" + (state.waiting ? ", " + state.waiting + " waiting" : "") + (state.last && state.last !== 200 ? ", last " + state.last : "");
  const p = state.person;
  for (const id of ["text", "send", "receipts", "marketing"]) $(id).disabled = !p;
  if (p) {
    $("h-avatar").textContent = initials(p.name);
    $("h-name").textContent = p.name;
    $("h-sub").textContent = address(p);
    $("h-window").hidden = false;
    $("h-window").className = p.window > 0 ? "pill" : "pill shut";
    $("h-window").textContent = p.window > 0 ? span(p.window) + " open" + (p.free ? ", free " + span(p.free) : "") : "window closed";
    $("receipts").checked = p.receipts;
    $("marketing").checked = !p.stopped;
    messages();
  }
  for (const box of document.querySelectorAll("[data-fault]")) box.checked = Boolean(state.faults[box.dataset.fault]);
  $("armed").hidden = !state.faults.next;
  $("armed").textContent = state.faults.next + " armed for the next messages sent";
  if (!$("code-nr").options.length) {
    $("code-nr").append(...state.codes.map((c) => { const o = make("option", "", c.code + "  " + c.title); o.value = c.code; return o; }));
    $("code-nr").value = "131026";
    $("scene").append(...state.scenes.map((s) => { const o = make("option", "", s); o.value = s; return o; }));
  }
  templates();
}

function messages() {
  const list = $("messages"), key = person + JSON.stringify(state.messages);
  if (key === shown) return;
  if (shown === "") { stick = true; kept.clear(); }
  shown = key;
  // What did not change is not drawn again, so that a sound plays on and a picture does not blink.
  const next = state.messages.map((m) => {
    const same = JSON.stringify(m), old = kept.get(m.id);
    if (old && old.same === same) return old.li;
    const li = bubble(m);
    kept.set(m.id, { same, li });
    return li;
  });
  list.replaceChildren(...(next.length ? next : [make("li", "empty", "Nothing yet. Write the first message.")]));
  bottom();
}
const kept = new Map();
let stick = true;
function bottom() { const list = $("messages"); if (stick) list.scrollTop = list.scrollHeight; }

function bubble(m) {
  if (m.type === "system") return make("li", "sys", m.note);
  const li = make("li", "msg" + (m.mine ? " mine" : "") + (m.revoked ? " gone" : "") + (m.theirs || m.ours ? " reacted" : ""));
  li.dataset.id = m.id;
  const b = make("div", "bubble");
  const tags = [m.template ? "Template " + m.template : "", m.echo ? "From the Business app" : "", m.forwarded ? "Forwarded" : "", m.ad ? "From an ad" : ""].filter(Boolean);
  if (tags.length) b.append(make("div", "tag", tags.join(" · ")));
  if (m.quoted) b.append(make("div", "quoted", m.quoted));
  if (m.header) b.append(make("div", "head", m.header));
  if (m.media && !m.revoked) b.append(media(m));
  if (m.note && !m.revoked) b.append(make("div", "", m.note));
  if (m.revoked) b.append(make("div", "", "Taken back"));
  else if (m.text) b.append(make("div", "words", m.text));
  if (m.footer) b.append(make("div", "foot", m.footer));
  const meta = make("div", "meta" + (m.state === "failed" ? " bad" : ""));
  meta.append(make("span", "", [m.edited ? "edited" : "", m.mine || m.echo ? "" : m.state + (m.why ? ": " + m.why : ""), new Date(m.at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })].filter(Boolean).join(" · ")));
  b.append(meta);
  li.append(b);
  if (m.choices && m.state !== "failed") li.append(choices(m));
  if (m.theirs || m.ours) li.append(make("div", "emoji", (m.ours || "") + (m.theirs || "")));
  if (!m.revoked) li.append(actions(m));
  return li;
}

function media(m) {
  const src = "/play/media/" + encodeURIComponent(m.media), kind = (m.mime || "").split("/")[0];
  const tag = { image: "img", video: "video", audio: "audio" }[kind];
  if (!tag) {
    const a = make("a", "", "📄 " + (m.filename || "document"));
    a.href = src;
    a.download = "";
    return a;
  }
  const e = make(tag);
  e.addEventListener(tag === "img" ? "load" : "loadedmetadata", bottom);
  e.src = src;
  if (tag === "img") e.alt = m.text || "picture"; else e.controls = true;
  return e;
}

function choices(m) {
  const box = make("div", "choices");
  for (const c of m.choices) {
    const still = c.kind === "url" || c.kind === "phone" || c.kind === "copy_code";
    const b = make("button", still ? "static" : "", c.title);
    if (c.description) b.append(make("small", "", c.description));
    if (still) b.title = c.id; else b.addEventListener("click", () => act({ To: m.id, Press: c.id }));
    box.append(b);
  }
  return box;
}

function actions(m) {
  const box = make("div", "acts");
  const add = (text, title, f) => { const b = make("button", "", text); b.title = title; b.setAttribute("aria-label", title); b.addEventListener("click", f); box.append(b); };
  for (const e of ["👍", "❤️", "😂"]) add(e, "React " + e, () => act(m.theirs === e ? { To: m.id, NoReaction: true } : { To: m.id, React: e }));
  add("↩", "Answer", () => target({ kind: "quote", id: m.id, text: m.text || m.note || m.type }));
  add("↪", "Forward", () => { forward = true; act({ Text: m.text || m.note || m.type }); });
  if (m.mine && state.app) {
    if (m.type === "text") add("✎", "Edit", () => { $("text").value = m.text; target({ kind: "edit", id: m.id, text: m.text }); });
    add("✕", "Take back", () => act({ To: m.id, Revoke: true }));
  }
  return box;
}

function templates() {
  $("templates").replaceChildren(...state.templates.map((t) => {
    const li = make("li"), title = make("div", "title"), row = make("div", "row wrap");
    const cls = t.status === "APPROVED" ? "" : t.status === "PENDING" || t.status === "IN_APPEAL" ? " wait" : " off";
    title.append(make("b", "", t.name + " · " + t.language), make("span", "state" + cls, t.status.toLowerCase().replaceAll("_", " ")));
    const add = (text, event) => { const b = make("button", "", text); b.dataset.event = event; b.dataset.template = t.name + "." + t.language; b.addEventListener("click", () => post("review", { Name: t.name, Language: t.language, Event: event })); row.append(b); };
    if (t.status !== "APPROVED") add("Approve", t.status === "PAUSED" ? "UNPAUSED" : "APPROVED");
    if (t.status === "PENDING" || t.status === "IN_APPEAL") add("Reject", "REJECTED");
    if (t.status === "APPROVED") { add("Pause", "PAUSED"); add("Disable", "DISABLED"); }
    li.append(title, make("p", "", t.body), row);
    return li;
  }));
}

function begin() {
  $("messages").addEventListener("scroll", () => { const l = $("messages"); stick = l.scrollHeight - l.scrollTop - l.clientHeight < 60; });
  $("new").addEventListener("click", () => { $("create").hidden = !$("create").hidden; if (!$("create").hidden) $("c-name").focus(); });
  $("c-cancel").addEventListener("click", () => { $("create").hidden = true; });
  $("c-kind").addEventListener("change", () => { $("c-number").hidden = $("c-kind").value === "hidden"; $("c-username").hidden = $("c-kind").value === "number"; });
  $("create").addEventListener("submit", async (e) => {
    e.preventDefault();
    const made = await post("person", { Name: $("c-name").value, Kind: $("c-kind").value, Number: $("c-number").value, Username: $("c-username").value });
    if (!made) return;
    for (const id of ["c-name", "c-number", "c-username"]) $(id).value = "";
    $("create").hidden = true;
    person = made.id; shown = "";
    look();
  });
  $("write").addEventListener("submit", async (e) => {
    e.preventDefault();
    const text = $("text").value;
    if (!text.trim()) return;
    const edit = aim && aim.kind === "edit" ? { Edit: true, To: aim.id } : {};
    $("text").value = "";
    if (!await act({ Text: text, ...edit }) && !$("text").value) $("text").value = text;
  });
  $("text").addEventListener("keydown", (e) => { if (e.key === "Enter" && !e.shiftKey) { e.preventDefault(); $("write").requestSubmit(); } });
  $("aim-off").addEventListener("click", () => target(null));
  $("receipts").addEventListener("change", () => act({ Receipts: $("receipts").checked ? "on" : "off" }));
  $("marketing").addEventListener("change", () => act({ Marketing: $("marketing").checked ? "resume" : "stop" }));
  document.querySelector('[data-toggle="ad"]').addEventListener("click", () => { ad = !ad; toggles(); });
  document.querySelector('[data-toggle="forward"]').addEventListener("click", () => { forward = !forward; toggles(); });
  const caption = () => { const t = $("text").value; $("text").value = ""; return t; };
  const things = {
    picture: () => act({ Scene: $("scene").value, Text: caption() }),
    voice: () => act({ Voice: true }),
    file: () => $("file").click(),
    place: () => act({ Place: { Latitude: 52.5163, Longitude: 13.3777, Name: "Pariser Platz", Address: "Pariser Platz, Berlin" } }),
    card: () => act({ Cards: [{ Name: "Lena Muster", Phones: ["+49 151 555 00 199"], Emails: ["lena@example.org"], Company: "Muster GmbH" }] }),
    order: () => act({ Order: { Catalog: "194836987003835", Text: caption(), Items: [{ Product: "di9ozbzfi4", Quantity: 2, Price: 30, Currency: "EUR" }] } }),
  };
  for (const b of document.querySelectorAll("[data-send]")) b.addEventListener("click", () => things[b.dataset.send]?.());
  $("file").addEventListener("change", () => {
    const f = $("file").files[0];
    if (!f) return;
    const r = new FileReader();
    r.onload = () => act({ File: { MIME: f.type, Name: f.type.startsWith("image/") ? "" : f.name, Data: String(r.result).split(",")[1] || "" }, Text: caption() });
    r.readAsDataURL(f);
    $("file").value = "";
  });
  for (const box of document.querySelectorAll("[data-fault]")) box.addEventListener("change", () => post("fault", { Kind: box.dataset.fault, On: box.checked }));
  for (const b of document.querySelectorAll("[data-once]")) b.addEventListener("click", () => post("fault", { Kind: b.dataset.once }));
  $("code").addEventListener("submit", (e) => { e.preventDefault(); post("fault", { Kind: "code", Code: Number($("code-nr").value), Async: $("code-async").checked }); });
  new EventSource("/play/events").addEventListener("poke", look);
}
begin();
