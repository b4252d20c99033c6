// Runs in a world of its own in every document: tells the host what a picture cannot show, and sets what the viewer chose.
// `portunusTell` is the host's binding; the portal's own scripts can neither see nor call anything here.
(() => {
  if (globalThis.portunusUnseen) return;
  const OPTIONS = 2000, WORDS = 200000, BUTTON = 32;
  const PICKED = ["date", "time", "month", "week", "datetime-local", "color"];
  const LISTED = ["text", "search", "url", "tel", "email", "number"], SUGGESTED = 200;
  const things = new Map();
  let last = 0;
  const tell = (e, more) => portunusTell(JSON.stringify({ e, ...more }));
  const keep = (thing) => { things.set(++last, thing); if (things.size > 50) things.delete(things.keys().next().value); return last; };
  const target = (event) => { const one = event.composedPath()[0]; return one instanceof Element ? one : one?.parentElement; };
  const beside = (one) => Array.from(one.labels?.[0]?.childNodes ?? [], (part) => (part.contains(one) ? "" : part.textContent)).join(" ").replace(/\s+/g, " ").trim();
  const label = (one) => (beside(one) || one.getAttribute("aria-label") || one.name || "").trim().slice(0, 80);
  const secret = (one) => one && (one.type === "password" || !["", "none"].includes(getComputedStyle(one).webkitTextSecurity || ""));

  /** Where it stands in the tab; in a frame of another host only the mouse knows, so its place in the frame goes along. */
  function place(one, event) {
    const box = one.getBoundingClientRect(), at = { x: box.left, y: box.top, w: box.width, h: box.height };
    let here = window;
    try {
      for (; here !== here.top; here = here.parent) { const frame = here.frameElement.getBoundingClientRect(); at.x += frame.left; at.y += frame.top; }
    } catch {
      return { ...at, x: box.left, y: box.top, inside: event?.clientX === undefined ? null : [event.clientX, event.clientY] };
    }
    return at;
  }

  function list(one, event) {
    if (!(one instanceof HTMLSelectElement) || one.disabled || one.multiple || one.size > 1) return false;
    event.preventDefault();
    one.focus();
    tell("select", { id: keep(one), label: label(one), index: one.selectedIndex, ...place(one, event),
      options: Array.from(one.options).slice(0, OPTIONS).map((option) => [option.label.slice(0, 200), option.disabled || Boolean(option.parentElement.disabled)]) });
    return true;
  }

  function picker(one, event) {
    if (!(one instanceof HTMLInputElement) || !PICKED.includes(one.type) || one.disabled || one.readOnly) return false;
    // Day, month and year are typed in the portal's own field, as in a local tab; only its small button opens a picker.
    if (event.type === "mousedown" && one.type !== "color" && event.clientX < one.getBoundingClientRect().right - BUTTON) return false;
    event.preventDefault();
    one.focus();
    tell("picker", { id: keep(one), kind: one.type, label: label(one), value: one.value, min: one.min, max: one.max, step: one.step, ...place(one, event) });
    return true;
  }

  const opens = (event) => [" ", "Enter", "F4"].includes(event.key) || (event.altKey && ["ArrowDown", "ArrowUp"].includes(event.key));
  addEventListener("mousedown", (event) => {
    if (!event.isTrusted || event.button !== 0) return;
    const one = target(event), select = one?.closest("select"), named = one?.closest("label")?.control;
    list(select, event) || picker(one, event) || (named !== one && picker(named, event));
  }, true);
  addEventListener("click", (event) => { if (event.isTrusted && target(event)?.type === "color") event.preventDefault(); }, true);
  addEventListener("keydown", (event) => {
    const one = target(event);
    if (event.isTrusted && ["ArrowDown", "ArrowUp"].includes(event.key) && one?.type !== "number") suggest(one);
    if (!event.isTrusted || !opens(event)) return;
    if (!list(one, event) && (one?.type === "color" || event.altKey || event.key === "F4")) picker(one, event);
  }, true);

  // The suggestions of a field's own list; she goes on typing meanwhile.
  let suggesting = null, hand = null;
  function suggest(one) {
    if (!(one instanceof HTMLInputElement) || !one.list || !LISTED.includes(one.type) || one.disabled || one.readOnly || secret(one)) return;
    const typed = one.value.toLowerCase();
    const fits = Array.from(one.list.options).filter((option) => option.value && !option.disabled && option.value !== one.value &&
      (option.value.toLowerCase().includes(typed) || option.label.toLowerCase().includes(typed))).slice(0, SUGGESTED);
    if (!fits.length) return quiet();
    suggesting = one;
    tell("suggest", { id: keep({ field: one, values: fits.map((option) => option.value) }), label: label(one), ...place(one, hand),
      options: fits.map(({ value, label: more }) => [value.slice(0, 200), more === value ? "" : more.slice(0, 200)]) });
  }
  function quiet() {
    if (suggesting) { suggesting = null; tell("suggest", { options: [] }); }
    if (complained) { complained = null; tell("invalid", { v: "" }); }
  }
  addEventListener("click", (event) => { if (event.isTrusted) suggest(target(event)); }, true);

  // What a form complains of when she sends it: the browser says so in a bubble that no picture shows.
  let pressed = false, wrong = [], complained = null;
  for (const what of ["click", "keydown"]) addEventListener(what, (event) => {
    if (event.isTrusted && (what === "click" || event.key === "Enter")) pressed = true;
    if (event.isTrusted && what === "click") hand = event;
  }, true);
  addEventListener("invalid", (event) => {
    if (!pressed) return; // asked by the portal's own script while she types: it shows no bubble
    if (!wrong.length) setTimeout(complain); // when all of the portal's listeners have had it
    wrong.push([event, target(event)]);
  }, true);
  function complain() {
    const [, one] = wrong.find(([event]) => !event.defaultPrevented) || [];
    wrong = [];
    let active = document.activeElement;
    while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
    if (!one || one !== active || one.validity.valid) return; // the browser goes to the field it complains of
    complained = one;
    const repeats = secret(one) && one.value && one.validationMessage.includes(one.value);
    const words = repeats ? "What is in this field does not fit." : one.validationMessage;
    tell("invalid", { v: [words, one.validity.patternMismatch ? one.title : ""].filter(Boolean).join(" ").slice(0, 500), label: label(one), ...place(one, hand) });
  }
  addEventListener("input", (event) => {
    pressed = false;
    quiet();
    if (event.isTrusted) suggest(target(event));
  }, true);
  for (const what of ["focusout", "scroll"]) addEventListener(what, quiet, true);

  // A right click: the portal's own menu goes first; where it has none, the person's own is told what stands there.
  const selected = () => {
    const field = document.activeElement;
    if (secret(field)) return "";
    try { if (typeof field?.value === "string" && field.selectionStart !== field.selectionEnd) return field.value.slice(field.selectionStart, field.selectionEnd); } catch { return ""; }
    return String(getSelection());
  };
  addEventListener("contextmenu", (event) => {
    const one = target(event);
    if (!one) return;
    setTimeout(() => { // when all of the portal's listeners have had it
      if (event.defaultPrevented) return;
      const link = one.closest("a[href], area[href]"), to = link && ["http:", "https:"].includes(link.protocol) ? link.href : "";
      const box = one.getBoundingClientRect(), at = place(one, event);
      tell("menu", { ...at, x: at.x + event.clientX - box.left, y: at.y + event.clientY - box.top, w: 0, h: 0, id: keep(to),
        link: to.slice(0, 2000), words: selected().trim().length > 0, edits: Boolean(editable(one)) });
    });
  }, true);

  // Copying: what the portal puts on the clipboard goes to the person's, never to the browser's own, which tabs share.
  function copied(words) {
    const most = JSON.stringify(words.slice(0, WORDS)).length > 2.5 * WORDS ? WORDS / 4 : WORDS; // odd letters take six places in a message
    tell("copied", { v: words.slice(0, most), ...(words.length > most && { of: words.length }) });
  }
  addEventListener("portunus-copied", ({ detail }) => { if (detail && typeof detail === "string" && navigator.userActivation.isActive) copied(detail); }, true);
  for (const what of ["copy", "cut"]) addEventListener(what, (event) => {
    if (!event.isTrusted) return;
    const field = document.activeElement;
    if (secret(field)) return event.preventDefault();
    let words = event.defaultPrevented ? event.clipboardData.getData("text/plain") : "";
    if (!event.defaultPrevented) {
      try { words = typeof field?.value === "string" ? field.value.slice(field.selectionStart, field.selectionEnd) : ""; } catch { words = ""; }
      words ||= String(getSelection());
      event.preventDefault();
      if (what === "cut" && words) document.execCommand("delete");
    }
    if (words) copied(words);
  });

  let shape = "", tip = "";
  addEventListener("mousemove", (event) => {
    const one = target(event);
    if (!one) return;
    let now = getComputedStyle(one).cursor.split(",").pop().trim();
    if (now === "auto") now = one.matches("input:not([type=button],[type=submit],[type=checkbox],[type=radio]), textarea") || onText(event) ? "text" : "default";
    if (now !== shape) tell("cursor", { v: (shape = now) });
    const said = (one.closest("[title]")?.getAttribute("title") || "").slice(0, 300);
    if (said !== tip) tell("tip", { v: (tip = said) });
  }, { capture: true, passive: true });
  function onText(event) {
    const found = document.caretRangeFromPoint?.(event.clientX, event.clientY);
    if (found?.startContainer.nodeType !== Node.TEXT_NODE) return false;
    found.selectNodeContents(found.startContainer);
    return Array.from(found.getClientRects()).some((box) => event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom);
  }

  const keyboards = { email: "email", tel: "tel", url: "url", number: "decimal", search: "search" };
  const editable = (one) => one instanceof HTMLTextAreaElement || one?.isContentEditable || (one instanceof HTMLInputElement && !["button", "submit", "reset", "checkbox", "radio", "file", "image", "range", ...PICKED].includes(one.type));
  addEventListener("focusin", (event) => {
    const one = target(event);
    tell("focus", editable(one) ? { on: true, mode: one.inputMode || keyboards[one.type] || "text", secret: Boolean(secret(one)), ...place(one) } : { on: false });
  }, true);
  addEventListener("focusout", () => tell("focus", { on: false }), true);

  // What she wrote or chose, for the recording: when she pauses, sends it or leaves the field. Of a secret field only that she did.
  const PAUSE_MS = 1500, WRITTEN = 500, known = new WeakMap();
  let writing = null, pause = 0;
  const holds = (one) => {
    if (one instanceof HTMLSelectElement) return Array.from(one.selectedOptions, (option) => option.label).join(", ");
    if (["checkbox", "radio"].includes(one.type)) return one.checked ? "on" : "off";
    return String((one.isContentEditable ? one.innerText : one.value) ?? "");
  };
  const written = (one) => one instanceof HTMLSelectElement || ["checkbox", "radio", ...PICKED].includes(one?.type) || editable(one);
  function wrote(one) {
    clearTimeout(pause);
    writing = null;
    if (!written(one) || known.get(one) === holds(one)) return;
    known.set(one, holds(one));
    tell("typed", { field: label(one), ...(secret(one) ? { secret: true } : { v: holds(one).slice(0, WRITTEN) }) });
  }
  addEventListener("focusin", (event) => { const one = target(event); if (written(one) && !known.has(one)) known.set(one, holds(one)); }, true);
  addEventListener("input", (event) => {
    if (!event.isTrusted) return;
    clearTimeout(pause);
    writing = target(event);
    pause = setTimeout(wrote, PAUSE_MS, writing);
  }, true);
  addEventListener("change", (event) => { if (event.isTrusted) wrote(target(event)); }, true);
  addEventListener("keydown", (event) => { if (event.isTrusted && event.key === "Enter" && writing) wrote(writing); }, true);
  for (const what of ["focusout", "pagehide"]) addEventListener(what, () => { if (writing) wrote(writing); }, true);

  if (window === window.top) {
    let title = null, icon = null;
    const look = () => {
      if (document.title !== title) { title = document.title; tell("title", {}); }
      const link = Array.from(document.querySelectorAll('link[rel~="icon" i]')).pop();
      if (link && link.href !== icon) draw((icon = link.href));
      else if (!link && icon === null) tell("icon", { v: (icon = "") }); // not the last page's
    };
    const draw = (href) => { // redrawn here: the person's browser gets plain pixels, never the portal's file
      const image = new Image();
      image.onload = () => {
        const canvas = document.createElement("canvas");
        canvas.width = canvas.height = 32;
        canvas.getContext("2d").drawImage(image, 0, 0, 32, 32);
        try { tell("icon", { v: canvas.toDataURL("image/png") }); } catch { return; }
      };
      image.src = href;
    };
    addEventListener("DOMContentLoaded", () => { look(); if (document.head) new MutationObserver(look).observe(document.head, { childList: true, subtree: true, characterData: true }); });
    addEventListener("load", look);
    if (document.readyState !== "loading") look();
  }
  let printing = false;
  addEventListener("beforeprint", () => { if (!printing) tell("print", {}); });

  const set = (one, v) => {
    Object.getOwnPropertyDescriptor(Object.getPrototypeOf(one), "value").set.call(one, v);
    for (const what of ["input", "change"]) one.dispatchEvent(new Event(what, { bubbles: true }));
    wrote(one);
  };
  let found = [];
  const highlights = new CSSStyleSheet();
  highlights.replaceSync("::highlight(portunus-found){background:#ffe58f;color:#000}::highlight(portunus-here){background:#ff9632;color:#000}");
  function within(root, wanted) {
    const home = root?.getRootNode() ?? document;
    if (!home.adoptedStyleSheets.includes(highlights)) home.adoptedStyleSheets = [...home.adoptedStyleSheets, highlights];
    const walker = document.createTreeWalker(root ?? document, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
    for (let node = walker.currentNode; node && found.length < 1000; node = walker.nextNode()) {
      if (node.shadowRoot) within(node.shadowRoot, wanted);
      if (node.nodeType !== Node.TEXT_NODE) continue;
      const text = node.data.toLowerCase(), parent = node.parentElement || node.parentNode.host;
      if (!text.includes(wanted) || !parent?.checkVisibility()) continue;
      for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) {
        const range = new Range();
        range.setStart(node, at);
        range.setEnd(node, at + wanted.length);
        found.push(range);
      }
    }
  }
  globalThis.portunusUnseen = {
    choose(id, index) {
      const one = things.get(id);
      if (one?.values) { if (one.field.isConnected && index in one.values) set(one.field, one.values[index]); return; }
      const option = one?.options[index];
      if (!option || option.disabled) return;
      one.selectedIndex = index;
      for (const what of ["input", "change"]) one.dispatchEvent(new Event(what, { bubbles: true }));
      wrote(one);
    },
    pick(id, value) { const one = things.get(id); if (one?.isConnected) set(one, value); },
    open(id) { const to = things.get(id); if (typeof to === "string" && to) window.open(to, "_blank", "noopener"); },
    menu() {
      const one = document.activeElement || document.body, box = one.getBoundingClientRect();
      const at = { clientX: box.left + Math.min(box.width, innerWidth) / 2, clientY: box.top + Math.min(box.height, innerHeight) / 2 };
      one.dispatchEvent(new MouseEvent("contextmenu", { bubbles: true, cancelable: true, composed: true, button: 2, ...at }));
    },
    printing(on) { printing = on; },
    zoom(factor) { document.documentElement.style.zoom = factor === 1 ? "" : String(factor); },
    /** How many places have these words, in open shadow roots too; all are marked. */
    seek(words) {
      const wanted = words.toLowerCase();
      found = [];
      CSS.highlights.delete("portunus-here");
      if (wanted && innerWidth > 1) within(document.body, wanted);
      found.length ? CSS.highlights.set("portunus-found", new Highlight(...found)) : CSS.highlights.delete("portunus-found");
      return found.length;
    },
    /** Goes to one of them: where it stands then; -1: none of this frame's. */
    here(at) {
      const range = found[at];
      if (!range) { CSS.highlights.delete("portunus-here"); return null; }
      CSS.highlights.set("portunus-here", new Highlight(range));
      (range.startContainer.parentElement || range.startContainer.parentNode.host).scrollIntoView({ block: "center" });
      const { x, y, width, height } = range.getBoundingClientRect();
      return { x, y, width, height };
    },
    /** Gives dropped files to whatever stands at that place. */
    drop(x, y, files) {
      const carried = new DataTransfer();
      for (const { name, type, data } of files) carried.items.add(new File([Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0))], name, { type }));
      const one = document.elementFromPoint(x, y);
      if (!one) return;
      if (one instanceof HTMLInputElement && one.type === "file") { one.files = carried.files; one.dispatchEvent(new Event("change", { bubbles: true })); return; }
      for (const what of ["dragenter", "dragover", "drop"]) one.dispatchEvent(new DragEvent(what, { bubbles: true, cancelable: true, composed: true, clientX: x, clientY: y, dataTransfer: carried }));
    },
  };
})();
