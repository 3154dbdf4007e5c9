"use strict";

// The page makes or shows one passkey, and sends what the authenticator signed to where the page came from. The answer is an
// address of the app on this computer.
const form = document.getElementById("form");
const note = document.getElementById("note");
const button = document.getElementById("go");

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

function say(what, bad) {
  note.textContent = note.dataset[what];
  note.className = bad ? "bad" : "";
}

// options turns what the relay wrote into what browsers take; not all of them can do that themselves.
function options() {
  const o = JSON.parse(form.dataset.options).publicKey;
  o.challenge = bytes(o.challenge);
  if (o.user) o.user.id = bytes(o.user.id);
  for (const list of [o.excludeCredentials, o.allowCredentials]) {
    for (const c of list || []) c.id = bytes(c.id);
  }
  return { publicKey: o };
}

function written(c) {
  const r = c.response;
  const out = { id: c.id, rawId: text(c.rawId), type: c.type, clientExtensionResults: c.getClientExtensionResults(), response: {} };
  for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (r[part]) out.response[part] = text(r[part]);
  }
  if (r.getTransports) out.response.transports = r.getTransports();
  return out;
}

async function run() {
  const makes = form.dataset.makes === "true";
  const called = document.getElementById("name");
  say("wait");
  button.disabled = true;
  let credential;
  try {
    credential = await (makes ? navigator.credentials.create(options()) : navigator.credentials.get(options()));
  } catch (e) {
    say(e.name === "InvalidStateError" ? "known" : e.name === "SecurityError" ? "cannot" : "given", true);
    button.disabled = false;
    return;
  }
  let answer, said;
  try {
    answer = await fetch(location.pathname, {
      method: "POST", headers: { "Content-Type": "application/json" }, credentials: "omit",
      body: JSON.stringify({ ticket: form.dataset.ticket, name: called ? called.value : "", credential: written(credential) }),
    });
    said = await answer.json();
  } catch (e) {
    said = { why: "later" };
  }
  if (said.to) {
    say("done");
    location.replace(said.to);
    return;
  }
  say(note.dataset[said.why] ? said.why : "no", true);
  if (said.why === "no" || said.why === "later") {
    // What was asked is asked once: the page is loaded anew for another try.
    button.disabled = false;
    form.onsubmit = (e) => { e.preventDefault(); location.reload(); };
  }
}

if (!window.PublicKeyCredential) {
  say("cannot", true);
  button.disabled = true;
}
form.onsubmit = (e) => { e.preventDefault(); run(); };
button.focus();
