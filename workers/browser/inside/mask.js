// Runs in every document of a portal, before its own scripts: passwords and one-time codes are dots in every picture.
(words) => {
  const sheet = new CSSStyleSheet();
  let names = words.selectors;
  const rule = () => sheet.replaceSync(`${names.join(",")}{-webkit-text-security:disc !important}`);
  const put = () => { // a portal's own scripts may have put another list in its place
    if (!document.adoptedStyleSheets.includes(sheet)) document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  };
  const hide = (field) => field.style.setProperty("-webkit-text-security", "disc", "important");
  const look = (event) => { // also inside shadow roots, which the sheet does not reach
    put();
    const field = event.composedPath()[0];
    if (field instanceof HTMLInputElement && (field.type === "password" || field.matches(names.join(",")))) hide(field);
  };
  rule();
  put();
  for (const what of ["focusin", "input", "change", "pageshow"]) addEventListener(what, look, true);
  new MutationObserver((changes) => { // "show password": it stays hidden
    for (const { target, oldValue } of changes) if (oldValue === "password") hide(target);
  }).observe(document, { subtree: true, attributes: true, attributeFilter: ["type"], attributeOldValue: true });
}
