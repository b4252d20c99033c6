// Hands of the viewer: mouse, wheel, keys, composed and pasted text, from our canvas to the remote tab.

import { size } from "./draw.js";

const APPLE = /Mac|iPhone|iPad/.test(navigator.platform); // Command does there what Control does in the remote tab
const command = (event) => event.ctrlKey || (APPLE && event.metaKey);
const held = (event) => (event.altKey ? 1 : 0) | (command(event) ? 2 : 0) | (event.metaKey && !APPLE ? 4 : 0) | (event.shiftKey ? 8 : 0);
/** A command's letter: of the key where it writes Latin, else of the key's place (Cyrillic, Greek, Hebrew keyboards). */
const letter = ({ key, code }) => (/^[^\x00-\x7f]$/u.test(key) && /^Key[A-Z]$/.test(code) ? code.slice(3) : key).toLowerCase();
const SIDE = { 3: "back", 4: "forward" }; // of a mouse; a pen's eraser (5) is none of ours
const MOVE_MS = 16, HOLD_MS = 500;
const PASTED = 200000, PIECE = 10000; // characters, at once and in one message

/** Sends input of `canvas` and `textarea` through `send`; `ours` are the keys that stay here. Returns where a pointer is in the tab. */
export function listen(canvas, textarea, stage, send, ours) {
  let moved = null, timer = 0, composing = false;
  const point = (event) => {
    const box = canvas.getBoundingClientRect();
    const { w, h } = size(canvas);
    return { x: Math.round(((event.clientX - box.left) * w) / box.width), y: Math.round(((event.clientY - box.top) * h) / box.height) };
  };
  const mouse = (k, event, more = {}) => send({ t: "mouse", k, ...point(event), m: held(event), ...more });
  const flush = () => { timer = 0; if (moved) { mouse("move", moved); moved = null; } };

  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerType === "touch") return slide(event);
    moved = event;
    timer ||= setTimeout(flush, MOVE_MS);
  });
  canvas.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "touch") { touch(event); canvas.setPointerCapture(event.pointerId); return; }
    if (event.button > 2) return; // what comes of it is below
    textarea.focus({ preventScroll: true });
    flush();
    canvas.setPointerCapture(event.pointerId);
    mouse("down", event, { b: event.button, c: clicks(event) });
    event.preventDefault();
  });
  // A finger: sliding scrolls, a tap clicks and brings the keyboard where the portal has a field.
  // Held for half a second it is a right click.
  let touched = null;
  function touch(event) {
    const { clientX: x, clientY: y } = event, press = () => { if (touched && !touched.far) { touched.far = true; right(event); } };
    touched = { x, y, lastX: x, lastY: y, far: false, moved: false, hold: setTimeout(press, HOLD_MS) };
  }
  function right(event) { for (const k of ["move", "down", "up"]) mouse(k, event, k === "move" ? {} : { b: 2, c: 1 }); }
  function slide(event) {
    if (!touched) return;
    const box = canvas.getBoundingClientRect(), scale = size(canvas).w / box.width;
    touched.moved ||= !touched.far && Math.hypot(event.clientX - touched.x, event.clientY - touched.y) > 10;
    if (!touched.moved) return;
    touched.far = true;
    mouse("wheel", event, { dx: Math.round((touched.lastX - event.clientX) * scale), dy: Math.round((touched.lastY - event.clientY) * scale) });
    touched.lastX = event.clientX;
    touched.lastY = event.clientY;
  }
  function tapped(event) {
    const was = touched;
    touched = null;
    clearTimeout(was?.hold);
    if (!was || was.far) return;
    mouse("move", event);
    mouse("down", event, { b: 0, c: clicks(event) });
    mouse("up", event, { b: 0, c: count });
    textarea.focus({ preventScroll: true });
  }
  canvas.addEventListener("pointerup", (event) => {
    if (event.pointerType === "touch") return tapped(event);
    if (event.button > 2) return SIDE[event.button] && ours.nav(SIDE[event.button]);
    flush(); mouse("up", event, { b: event.button, c: count });
  });
  for (const kind of ["mousedown", "mouseup", "auxclick"]) // or her own browser leaves Portunus
    canvas.addEventListener(kind, (event) => { if (event.button > 2) event.preventDefault(); });
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("pointercancel", () => { clearTimeout(touched?.hold); touched = null; send({ t: "blur" }); });
  window.addEventListener("blur", () => send({ t: "blur" }));
  canvas.addEventListener("wheel", (event) => {
    const unit = event.deltaMode === 1 ? 40 : event.deltaMode === 2 ? 400 : 1;
    mouse("wheel", event, { dx: Math.round(event.deltaX * unit), dy: Math.round(event.deltaY * unit) });
    event.preventDefault();
  }, { passive: false });

  let last = 0, count = 1, lastAt = [0, 0];
  function clicks(event) {
    const near = Math.abs(event.clientX - lastAt[0]) < 5 && Math.abs(event.clientY - lastAt[1]) < 5;
    count = event.timeStamp - last < 500 && near ? Math.min(count + 1, 3) : 1;
    last = event.timeStamp;
    lastAt = [event.clientX, event.clientY];
    return count;
  }

  const key = (k, event) => {
    if (event.isComposing || composing || event.key === "Process" || event.key === "Dead") return;
    if (event.key === "Unidentified") return; // a telephone's keyboard: what it means comes as text
    const kept = own(event);
    if (kept) { if (k === "down" && !event.repeat) kept(); event.preventDefault(); return; }
    if (command(event) && letter(event) === "v") return; // the paste event brings the text
    if (event.key.length === 1 && event.getModifierState("AltGraph")) return; // arrives as text, not as Ctrl+Alt
    if (APPLE && event.altKey && !event.ctrlKey && !event.metaKey && event.key.length === 1) return; // Option writes: as text, too
    flush();
    send({ t: "key", k, key: event.key, code: event.code, kc: event.keyCode, m: held(event), r: event.repeat });
    event.preventDefault();
  };
  const own = (event) => {
    if (event.ctrlKey && event.altKey) return { Escape: ours.leave, ArrowRight: () => ours.turn(1), ArrowLeft: () => ours.turn(-1), e: ours.extend, f: ours.full, k: ours.others }[event.key];
    const plain = { F5: () => ours.nav("reload"), F11: ours.full, F3: ours.find, ContextMenu: ours.menu }[event.key];
    if (plain && !command(event) && !event.altKey && !event.shiftKey) return plain;
    if (event.key === "F10" && event.shiftKey) return ours.menu;
    if (event.altKey && !command(event)) return { ArrowLeft: () => ours.nav("back"), ArrowRight: () => ours.nav("forward"), Home: () => ours.nav("home") }[event.key];
    if (!command(event) || event.altKey) return undefined;
    return { f: ours.find, r: () => ours.nav("reload"), p: ours.print, "+": () => ours.zoom(1), "=": () => ours.zoom(1), "-": () => ours.zoom(-1), 0: () => ours.zoom(0) }[letter(event)];
  };
  textarea.addEventListener("beforeinput", (event) => {
    const erased = { deleteContentBackward: "Backspace", deleteContentForward: "Delete", insertLineBreak: "Enter" }[event.inputType];
    if (!erased || composing) return; // keys of a real keyboard never come this far
    for (const k of ["down", "up"]) send({ t: "key", k, key: erased, code: erased, kc: { Backspace: 8, Delete: 46, Enter: 13 }[erased], m: 0 });
    event.preventDefault();
  });
  textarea.addEventListener("keydown", (event) => key("down", event));
  textarea.addEventListener("keyup", (event) => key("up", event));
  textarea.addEventListener("compositionstart", () => { composing = true; });
  textarea.addEventListener("compositionend", (event) => { composing = false; if (event.data) send({ t: "text", v: event.data }); textarea.value = ""; });
  textarea.addEventListener("input", (event) => {
    if (!composing && event.inputType !== "insertCompositionText" && textarea.value) send({ t: "text", v: textarea.value });
    if (!composing) textarea.value = "";
  });
  textarea.addEventListener("paste", (event) => {
    const text = event.clipboardData.getData("text/plain");
    for (let from = 0, to; from < Math.min(text.length, PASTED); from = to) {
      to = Math.min(from + PIECE, text.length, PASTED);
      if (to < text.length && /[\ud800-\udbff]/.test(text[to - 1])) to--; // both halves of a letter go together
      send({ t: "text", v: text.slice(from, to) });
    }
    if (text.length > PASTED) ours.say(`Pasted the first ${PASTED.toLocaleString("en")} of ${text.length.toLocaleString("en")} characters.`);
    event.preventDefault();
  });
  textarea.addEventListener("focus", () => stage.classList.add("has-focus"));
  textarea.addEventListener("blur", () => { stage.classList.remove("has-focus"); send({ t: "blur" }); });
  return point;
}
