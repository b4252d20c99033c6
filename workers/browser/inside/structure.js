// The structure of a page without a word of it: forms, fields, buttons, frames and landmarks by their names, digits as #.
(() => {
  const plain = (value) => (value || '').replace(/\d+/g, '#').slice(0, 60);
  const shown = (element) => element.checkVisibility ? element.checkVisibility() : element.getClientRects().length > 0;
  const wanted = 'form, input, select, textarea, button, iframe, frame, [role], nav, main, header, footer, h1, h2, table, a[href], [id], [data-testid]';
  const found = new Set();
  let left = 3000;
  for (const element of document.querySelectorAll(wanted)) {
    if (--left < 0) break;
    if (element.localName === 'script' || element.localName === 'option' || element.type === 'hidden' || !shown(element)) continue;
    const marks = [element.localName];
    if (element.id) marks.push('#' + plain(element.id));
    for (const name of ['name', 'type', 'role', 'data-testid', 'autocomplete']) {
      if (element.getAttribute(name)) marks.push(`[${name}=${plain(element.getAttribute(name))}]`);
    }
    if (element.localName === 'a' && marks.length === 1) continue;
    if (element.closest('tbody, dl, ul, ol') && !element.closest('form')) continue;
    found.add(marks.join(''));
  }
  return [...found].sort().slice(0, 400);
})()
