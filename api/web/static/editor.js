// The script editor: a text field that knows the kit's names and what `check` says. Without this script it is a text field.

const $ = (id) => document.getElementById(id);
const editor = $("editor"), text = $("text"), said = $("said"), list = $("names");
const gutter = editor.querySelector(".gutter"), notes = editor.querySelector(".notes");
const kit = JSON.parse($("kit").textContent), csrf = document.querySelector("meta[name=csrf]").content;
const PAUSE_MS = 600, MOST = 40, INDENT = "    ";
const OWNERS = new Set(kit.map((one) => one.of).filter(Boolean));
let faults = [], offered = [], chosen = 0, pause = 0, asked = 0, checked = null;

const lineHeight = () => parseFloat(getComputedStyle(text).lineHeight);
const inset = () => parseFloat(getComputedStyle(text).paddingTop);
const lineOf = (at) => text.value.slice(0, at).split("\n").length;

// ---- line numbers and what stands beside a line

function draw() {
  const count = text.value.split("\n").length, wrong = new Set(faults.map((one) => one.line));
  gutter.replaceChildren(...Array.from({ length: count }, (_, at) => {
    const line = document.createElement("div");
    line.textContent = at + 1;
    line.classList.toggle("wrong", wrong.has(at + 1));
    return line;
  }));
  notes.replaceChildren(...[...wrong].map((number) => {
    const note = document.createElement("span");
    note.dataset.line = number;
    note.textContent = faults.filter((one) => one.line === number).map((one) => one.words).join(" ");
    return note;
  }));
  scrolled();
}

function scrolled() {
  gutter.scrollTop = text.scrollTop;
  for (const note of notes.children) note.style.top = `${inset() + (note.dataset.line - 1) * lineHeight() - text.scrollTop}px`;
}

function goTo(number) {
  const lines = text.value.split("\n"), from = lines.slice(0, number - 1).join("\n").length + (number > 1 ? 1 : 0);
  text.focus();
  text.setSelectionRange(from, from + (lines[number - 1] || "").length);
  text.scrollTop = Math.max(0, (number - 5) * lineHeight());
  scrolled();
}

// ---- what check says, a moment after the last key

function later() { clearTimeout(pause); pause = setTimeout(check, PAUSE_MS); }

async function check() {
  if (text.value === checked) return;
  const mine = ++asked, whole = text.value;
  const answer = await fetch(editor.dataset.check, { method: "POST", headers: { "x-csrf-token": csrf, accept: "application/json" }, body: new URLSearchParams({ text: whole }) }).catch(() => null);
  if (mine !== asked) return; // an answer to a text that is not there any more
  const told = await answer?.json().catch(() => null);
  if (!answer?.ok || answer.redirected) return tell(told?.detail || "No connection: this text is not checked.", []);
  checked = whole;
  tell(told.said.length ? "" : "Nothing to mend: check is quiet.", told.said);
}

function tell(words, found) {
  faults = found;
  const head = document.createElement("p"), rows = document.createElement("ul");
  head.textContent = words || (found.length === 1 ? "One thing to mend:" : `${found.length} things to mend:`);
  rows.append(...found.map((one) => {
    const row = document.createElement("li"), go = document.createElement("button");
    go.type = "button";
    go.textContent = `Line ${one.line}: ${one.words}`;
    go.onclick = () => goTo(one.line);
    row.append(go);
    return row;
  }));
  said.replaceChildren(head, ...(found.length ? [rows] : []));
  draw();
}

function nextFault() {
  if (!faults.length) return;
  const here = lineOf(text.selectionStart);
  goTo((faults.find((one) => one.line > here) || faults[0]).line);
}

// ---- completion from the kit's own names

function around() {
  const before = text.value.slice(0, text.selectionStart), found = /(?:([A-Za-z_]\w*|[)\]])\s*(\.))?([A-Za-z_]\w*)?$/.exec(before);
  return { owner: found[2] ? found[1] : "", part: found[3] || "" };
}

function quiet() { // inside a comment or a one-line string nobody wants names
  const line = text.value.slice(0, text.selectionStart).split("\n").pop();
  return /#/.test(line.replace(/"[^"]*"|'[^']*'/g, "")) || ((line.match(/"/g) || []).length % 2 === 1);
}

function offer(always = false) {
  const { owner, part } = around();
  if (text.selectionStart !== text.selectionEnd || (!always && (quiet() || (!owner && part.length < 2)))) return close();
  const of = !owner ? "" : OWNERS.has(owner) ? owner : "page"; // what a chain gives is a locator
  const low = part.toLowerCase();
  offered = kit.filter((one) => one.of === of && one.name.toLowerCase().startsWith(low) && (always || one.name !== part)).slice(0, MOST);
  if (!offered.length) return close();
  chosen = 0;
  list.replaceChildren(...offered.map((one, at) => {
    const row = document.createElement("li"), why = document.createElement("span");
    row.id = `name-${at}`;
    row.setAttribute("role", "option");
    row.textContent = one.form;
    why.className = "why";
    why.textContent = one.says;
    if (one.says) row.append(why);
    row.onmousedown = (event) => { event.preventDefault(); chosen = at; take(); };
    return row;
  }));
  list.hidden = false;
  place(part.length);
  mark();
}

function place(back) {
  const line = lineOf(text.selectionStart), column = text.value.slice(0, text.selectionStart).split("\n").pop().length - back;
  const style = getComputedStyle(text), pen = document.createElement("canvas").getContext("2d");
  pen.font = `${style.fontSize} ${style.fontFamily}`;
  const left = text.offsetLeft + parseFloat(style.paddingLeft) + column * pen.measureText("0").width - text.scrollLeft;
  list.style.left = `${Math.max(0, Math.min(left, editor.clientWidth * .4))}px`;
  const below = inset() + line * lineHeight() - text.scrollTop + 2, fits = below < text.clientHeight / 2;
  list.style.top = fits ? `${below}px` : "";
  list.style.bottom = fits ? "" : `${editor.clientHeight - below + lineHeight() + 4}px`;
}

function mark() {
  [...list.children].forEach((row, at) => row.setAttribute("aria-selected", String(at === chosen)));
  text.setAttribute("aria-controls", "names");
  text.setAttribute("aria-activedescendant", `name-${chosen}`);
  list.children[chosen].scrollIntoView({ block: "nearest" });
}

function close() {
  list.hidden = true;
  text.removeAttribute("aria-activedescendant");
  text.removeAttribute("aria-controls");
}

function write(words) { document.execCommand("insertText", false, words); } // the one way that undo knows

function take() {
  const { part } = around(), name = offered[chosen].name;
  close();
  text.setSelectionRange(text.selectionStart - part.length, text.selectionStart);
  write(name);
  close();
}

// ---- keys

text.addEventListener("keydown", (event) => {
  if (event.key === " " && event.ctrlKey) { event.preventDefault(); return offer(true); }
  if (event.key === "F8" && event.altKey) { event.preventDefault(); return nextFault(); }
  if (!list.hidden) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) { event.preventDefault(); chosen = (chosen + step + offered.length) % offered.length; return mark(); }
    if (event.key === "Enter") { event.preventDefault(); return take(); }
    if (event.key === "Escape") { event.preventDefault(); return close(); }
    if (event.key === "Tab") close();
  } else if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) {
    const line = text.value.slice(0, text.selectionStart).split("\n").pop();
    event.preventDefault();
    write(`\n${/^\s*/.exec(line)[0]}${/[:([{]\s*$/.test(line) ? INDENT : ""}`);
    text.scrollTop += text.scrollHeight - text.clientHeight - text.scrollTop < lineHeight() ? lineHeight() : 0;
  }
});
text.addEventListener("input", (event) => {
  draw();
  later();
  event.inputType === "insertText" && /[\w.]/.test(event.data || "") ? offer() : list.hidden || event.inputType?.startsWith("delete") ? (list.hidden ? null : offer()) : close();
});
text.addEventListener("scroll", () => { scrolled(); close(); });
text.addEventListener("blur", close);
text.addEventListener("click", close);
document.addEventListener("click", ({ target }) => { // the last failed run, and the steps of one that is watched
  const button = target.closest("button[data-line], button[data-find]");
  if (!button) return;
  if (button.dataset.line) return goTo(Number(button.dataset.line));
  const at = text.value.indexOf(button.dataset.find.split(" >> ").pop());
  if (at >= 0) goTo(lineOf(at));
  else said.prepend(Object.assign(document.createElement("p"), { textContent: `${button.dataset.find} is not written in this file.` }));
});
addEventListener("beforeunload", (event) => { if (text.value !== text.defaultValue && !text.form.dataset.sent) event.preventDefault(); });
text.form.addEventListener("submit", () => { text.form.dataset.sent = "yes"; });

draw();
check();
