// The menu of a right click (or the menu key) where the portal has none of its own.

const button = (words, act) => Object.assign(document.createElement("button"), { type: "button", textContent: words, onclick: act });
let close = () => {};

/** Shows it at the event's place. `can`: say, back, nav, press, send, find, print. */
export function menu(stage, scale, { x, y, n, link, words, edits }, can) {
  close();
  const box = document.createElement("div");
  box.className = "remote-menu";
  box.setAttribute("role", "menu");
  box.setAttribute("aria-label", "What can be done here");
  let gone = false; // taking it away makes it lose the focus, which takes it away
  const leave = () => { if (!gone) { gone = true; box.remove(); } };
  const over = () => { leave(); can.back(); };
  close = leave;
  const add = (text, act) => {
    const item = button(text, () => { over(); act(); });
    item.setAttribute("role", "menuitem");
    item.tabIndex = -1;
    box.append(item);
  };
  const line = () => { const rule = document.createElement("hr"); rule.setAttribute("role", "separator"); box.append(rule); };
  if (link) {
    add("Open link in a new tab", () => can.send({ t: "open", n }));
    add("Copy link", () => navigator.clipboard?.writeText(link).then(() => can.say("Link copied."), () => can.say("Your browser did not allow copying.")));
    line();
  }
  if (words) add("Copy", () => can.press("c", "KeyC", 67));
  if (edits && words) add("Cut", () => can.press("x", "KeyX", 88));
  if (edits) add("Paste: press Ctrl+V", () => can.say("Press Ctrl+V (⌘V) to paste: then your browser need not ask whether Portunus may read your clipboard."));
  if (words || edits) line();
  add("Back", () => can.nav("back"));
  add("Forward", () => can.nav("forward"));
  add("Reload", () => can.nav("reload"));
  line();
  add("Select all", () => can.press("a", "KeyA", 65));
  add("Find on this page", can.find);
  add("Print", can.print);
  const items = () => [...box.querySelectorAll("[role=menuitem]")];
  box.onkeydown = (event) => {
    const all = items(), at = all.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (to !== undefined) all[(to + all.length) % all.length].focus();
    else if (event.key === "Escape" || event.key === "Tab") over();
    else if (event.key.length === 1) all.find((one, i) => i > at && one.textContent.toLowerCase().startsWith(event.key.toLowerCase()))?.focus();
    else return;
    event.preventDefault();
  };
  box.addEventListener("focusout", (event) => { if (!box.contains(event.relatedTarget)) leave(); });
  box.addEventListener("contextmenu", (event) => event.preventDefault());
  stage.append(box);
  box.style.left = `${Math.max(0, Math.min(x * scale, stage.clientWidth - box.offsetWidth))}px`;
  box.style.top = `${Math.max(0, Math.min(y * scale, stage.clientHeight - box.offsetHeight))}px`;
  items()[0].focus({ preventScroll: true });
}
