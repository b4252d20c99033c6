// Runs in every document of a portal, before its own scripts: passwords and one-time codes are dots in every picture.
(words) => {
  const sheet = new CSSStyleSheet(), names = words.selectors.join(",");
  sheet.replaceSync(`${names}{-webkit-text-security:disc !important}`);
  const put = (root) => { // a portal's own scripts may have put another list in its place
    if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
  };
  const HIDDEN = "-webkit-text-security", LONG = 6, HELD = 8, WRITTEN = ["password", "text", "tel", "number", "search", "email", "url"];
  const secrets = new WeakSet(), called = new Set(), held = new Map(), roots = new WeakSet();
  let shadows = [];
  const parts = (name) => name.replace(/2fa/gi, " mfa ").replace(/([a-z])([A-Z])|([A-Z])(?=[A-Z][a-z])/g, "$1$3 $2").toLowerCase().split(/[^a-z]+/).filter(Boolean);
  /** Whether a field is named for a secret: by a word of its name, or by some that stand together. "procedureCode" is not. */
  const means = (name) => {
    const all = parts(name);
    if (words.whole.includes(name.toLowerCase().replace(/[^a-z0-9]/g, ""))) return true;
    for (let from = 0; from < all.length; from++)
      for (let to = from + 1; to <= Math.min(all.length, from + 4); to++) if (words.words.includes(all.slice(from, to).join(""))) return true;
    return false;
  };
  const own = (field) => ["name", "id"].map((what) => field.getAttribute(what)).filter(Boolean);
  const hide = (field) => {
    secrets.add(field);
    if (field.style.getPropertyValue(HIDDEN) !== "disc") field.style.setProperty(HIDDEN, "disc", "important");
  };
  /** Once a password, always one: it and whatever is called as it is, or holds what it holds. */
  const judge = (field) => {
    if (!(field instanceof HTMLInputElement) || !(WRITTEN.includes(field.type) || secrets.has(field))) return; // a button keeps its words
    if (field.type === "password") for (const name of own(field)) called.add(name);
    if (secrets.has(field) || field.type === "password" || field.matches(names) || own(field).some((name) => called.has(name) || means(name))) hide(field);
  };
  const judgeAll = (root) => { judge(root); for (const field of root.querySelectorAll?.("input") || []) judge(field); };
  let asked = false;
  const compare = () => { // "show password" that puts another field in its place
    if (asked || !held.size) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      const values = new Set(held.values());
      shadows = shadows.filter((one) => one.deref());
      for (const root of [document, ...shadows.map((one) => one.deref())])
        for (const field of root.querySelectorAll("input")) if (!secrets.has(field) && values.has(field.value)) hide(field);
    });
  };
  const watched = { subtree: true, childList: true, attributes: true, attributeFilter: ["type", "name", "id", "autocomplete", "style"], attributeOldValue: true };
  const observer = new MutationObserver((changes) => {
    for (const { type, target, attributeName, oldValue, addedNodes } of changes) {
      if (type === "childList") for (const one of addedNodes) judgeAll(one);
      else if (!(target instanceof HTMLInputElement)) continue;
      else if (attributeName === "type" && oldValue === "password") { for (const name of own(target)) called.add(name); hide(target); }
      else if (attributeName !== "style" || secrets.has(target)) judge(target);
    }
    compare();
  });
  const watch = (root) => { // the sheet and the observer of the document do not reach into a shadow root
    put(root);
    if (roots.has(root)) return;
    roots.add(root);
    if (root !== document) shadows.push(new WeakRef(root));
    observer.observe(root, watched);
    judgeAll(root);
  };
  const look = (event) => {
    const field = event.composedPath()[0], root = field.getRootNode?.();
    put(document);
    if (root instanceof ShadowRoot) watch(root);
    judge(field);
    if (event.type === "input" && field.type === "password") {
      held.delete(field);
      if (field.value.length >= LONG) held.set(field, field.value);
      if (held.size > HELD) held.delete(held.keys().next().value);
    }
    compare();
  };
  watch(document);
  for (const what of ["focusin", "input", "change", "click", "keyup", "pageshow"]) addEventListener(what, look, true);
}
