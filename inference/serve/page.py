"""The page of a server: drop a file on it, or write a text, and see what the model says. All in one file, nothing from elsewhere."""

import base64
import hashlib
import html
import json

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2229; --paper: #fff; --soft: #596473; --rule: #dfe3e8; --panel: #f6f7f9; --bar: #1f5fb055;
  --accent: #1f5fb0; --warn: #b3370f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ed; --paper: #14171b; --soft: #9ba6b4; --rule: #2d333b; --panel: #1b1f25;
  --bar: #7db0f555; --accent: #7db0f5; --warn: #f58c6a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 46rem; padding: 2rem 1.25rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; overflow-wrap: anywhere; } .soft { color: var(--soft); margin: 0 0 1.5rem; }
#drop { display: block; border: 2px dashed var(--rule); border-radius: .6rem; padding: 2.2rem 1rem; text-align: center;
  background: var(--panel); cursor: pointer; }
  #drop.over, #drop:focus-within { border-color: var(--accent); } #drop input { position: absolute; opacity: 0; }
textarea, input[type=password] { width: 100%; font: inherit; color: inherit; background: var(--panel); border: 1px solid var(--rule);
  border-radius: .4rem; padding: .6rem; } textarea { min-height: 6rem; } label { display: block; margin: 1rem 0 .3rem; }
button { font: inherit; margin-top: .6rem; padding: .45rem 1.1rem; border: 0; border-radius: .4rem; background: var(--accent);
  color: var(--paper); cursor: pointer; } #error { color: var(--warn); min-height: 1.5rem; margin: 1rem 0; overflow-wrap: anywhere; }
.one { display: flex; flex-wrap: wrap; gap: 1rem; border-top: 1px solid var(--rule); padding: 1rem 0; } .one img { width: 9rem;
  height: 9rem; object-fit: contain; background: var(--panel); border-radius: .4rem; } .one div.rows { flex: 1; min-width: 14rem; }
.one p { margin: 0 0 .4rem; overflow-wrap: anywhere; } .row { position: relative; display: flex; justify-content: space-between; gap: 1rem;
  padding: .1rem .4rem; margin: 2px 0; font-variant-numeric: tabular-nums; } .row span { position: relative; overflow-wrap: anywhere; }
.row i { position: absolute; inset: 0 auto 0 0; background: var(--bar); border-radius: .2rem; }
"""

_SCRIPT = """
"use strict";
const about = JSON.parse(document.getElementById("about").textContent), byId = (name) => document.getElementById(name);
const types = { jpg: "image/jpeg", jpeg: "image/jpeg", png: "image/png", gif: "image/gif", bmp: "image/bmp", webp: "image/webp",
  tif: "image/tiff", tiff: "image/tiff", ppm: "image/x-portable-pixmap", npy: "application/x-npy", wav: "audio/wav", csv: "text/csv",
  tsv: "text/tab-separated-values", txt: "text/plain", md: "text/plain", json: "application/json" };
const say = (text) => { byId("error").textContent = text; };
const element = (parent, name, text) => { const made = document.createElement(name); if (text !== undefined) made.textContent = text;
  parent.append(made); return made; };
const number = (value) => value === null ? "no limit" : Number(value.toPrecision(6)).toString();
async function ask(body, type, title, picture) {
  say("...");
  const headers = { "Content-Type": type };
  const token = byId("token");
  if (token && token.value) headers.Authorization = "Bearer " + token.value;
  let answer;
  try {
    const response = await fetch("predict", { method: "POST", headers, body });
    answer = await response.json();
    if (!response.ok) { say(String(answer.detail).replace("the request", title)); return; }
  } catch (error) { say("The server does not answer, or refused the file: " + error.message); return; }
  say("");
  const some = answer.predictions.slice(0, 100);
  if (answer.predictions.length > some.length) say(answer.predictions.length + " answers, of which these are the first " + some.length);
  for (const one of some.reverse()) show(one, title, picture, answer.predictions.length > 1);
}
function show(one, title, picture, several) {
  const box = document.createElement("div");
  box.className = "one";
  byId("answers").prepend(box);
  if (picture && !several) { const image = element(box, "img"); image.src = picture; image.alt = ""; }
  const rows = element(box, "div");
  rows.className = "rows";
  element(rows, "p", several ? one.name.replace("the request", title) : title).className = "";
  if (one.class !== undefined) element(element(rows, "p"), "strong", one.class);
  if (one.labels !== undefined) element(element(rows, "p"), "strong", one.labels.join(", ") || "none of the labels");
  const promised = about.coverage && Number((100 * about.coverage).toFixed(2)) + "%";
  if (one.set !== undefined) element(rows, "p", "With " + promised + " coverage: " + (one.set.join(", ") || "none of the classes"));
  const unsure = Object.entries(one.sets || {}).filter(([, may]) => may.length !== 1).map(([name]) => name);
  if (one.sets !== undefined) element(rows, "p", "Not decided with " + promised + " coverage: " + (unsure.join(", ") || "no label"));
  const shown = Object.entries(one.probabilities || {}).sort((a, b) => b[1] - a[1]).slice(0, 10);
  for (const [name, value] of shown) { const row = element(rows, "div"); row.className = "row";
    element(row, "i").style.width = (100 * value).toFixed(1) + "%"; element(row, "span", name); element(row, "span", value.toFixed(4)); }
  for (const [name, value] of Object.entries(one.values || {})) { const row = element(rows, "div"); row.className = "row";
    element(row, "span", name); element(row, "span", number(value)); }
  for (const [name, ends] of Object.entries(one.intervals || {})) { const row = element(rows, "div"); row.className = "row";
    element(row, "span", name + ", with " + promised + " coverage");
    element(row, "span", "from " + number(ends[0]) + " to " + number(ends[1])); }
}
async function file(one) {
  const ending = one.name.split(".").pop().toLowerCase(), type = types[ending] || one.type;
  if (!about.accepted.includes(type)) { say(one.name + " is of a type that the model does not take; accepted are " +
    about.accepted.join(", ")); return; }
  if (one.size > about.max_bytes) { say(one.name + " has " + one.size + " bytes; accepted are " + about.max_bytes); return; }
  await ask(one, type, one.name, type.startsWith("image/") ? URL.createObjectURL(one) : null);
}
const drop = byId("drop");
drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", async (event) => { event.preventDefault(); drop.classList.remove("over");
  for (const one of event.dataTransfer.files) await file(one); });
byId("file").addEventListener("change", async (event) => { for (const one of event.target.files) await file(one);
  event.target.value = ""; });
if (byId("send")) byId("send").addEventListener("click", () => {
  const text = byId("text").value;
  if (text.trim()) ask(JSON.stringify({ inputs: [text] }), "application/json", text.slice(0, 200)); });
"""

_WORDS = {"images": "an image", "texts": "a file of texts", "series": "a recording or a series", "tables": "a CSV file of rows"}


def page(name, about, accepted, settings):
    """The page, HTML, and the `Content-Security-Policy` by which nothing but its own script and style runs in it.

    Args:
        name: of the run's folder.
        about: its `labels.json`, JSON values.
        accepted: types of bodies.
        settings: `guards.Settings`.
    """
    # Within a script element only "</" could end it.
    told = {"accepted": accepted, "max_bytes": settings.max_bytes, "coverage": (about.get("conformal") or {}).get("coverage")}
    told = json.dumps(told).replace("<", "\\u003c")
    asked = ""
    if settings.token is not None:
        asked = '<label for="token">Token</label><input id="token" type="password" autocomplete="off">'
    if about["medium"] == "texts":
        asked += '<label for="text">Or a text</label><textarea id="text"></textarea><button id="send">Predict</button>'
    predicted = ", ".join(map(str, (about.get("class_names") or about.get("target_names"))[:20]))
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{html.escape(name)}</title><style>{_STYLE}</style></head><body><h1>{html.escape(name)}</h1>",
        f'<p class="soft">Predicts {html.escape(predicted)}.</p>',
        f'<label id="drop"><input id="file" type="file" multiple>Drop {_WORDS[about["medium"]]} here, or choose one</label>',
        f'{asked}<p id="error" role="status"></p><div id="answers"></div>',
        f'<script id="about" type="application/json">{told}</script>',
        f"<script>{_SCRIPT}</script></body></html>",
    ]
    script, style = (f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in (_SCRIPT, _STYLE))
    own = f"script-src {script}; style-src {style}; img-src blob:; connect-src 'self'"
    return "".join(parts), f"default-src 'none'; {own}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
