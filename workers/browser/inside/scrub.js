// The page as an example: its structure and the words of its controls, and nothing that could be about a person.
// `named`: the data-* attributes that the script's selectors name, each with the values they name ('' for any).
(named) => {
  const shown = (one) => one.checkVisibility ? one.checkVisibility() : one.getClientRects().length > 0;
  const kept = ['HTML', 'HEAD', 'TITLE', 'META', 'BODY', 'OPTION', 'OPTGROUP'];
  const speaks = 'label, button, legend, h1, h2, h3, th, summary, [role=alert], [role=heading], form p, a';
  for (const one of [...document.querySelectorAll('*')]) {
    if (!one.isConnected) continue;
    if (['SCRIPT', 'STYLE', 'LINK', 'IMG', 'SVG', 'IFRAME', 'NOSCRIPT', 'TEMPLATE'].includes(one.tagName.toUpperCase())) one.remove();
    else if (one.closest('head')) { if (!['HEAD', 'TITLE'].includes(one.tagName)) one.remove(); }
    else if (!kept.includes(one.tagName) && !shown(one)) one.remove();
  }
  for (const row of document.querySelectorAll('tbody tr')) if (row.cells.length > 2) row.remove();
  for (const one of document.querySelectorAll('*')) {
    for (const { name, value } of [...one.attributes]) {
      const ours = ['id', 'class', 'name', 'type', 'role', 'for', 'action', 'method', 'autocomplete', 'data-testid', 'aria-label', 'placeholder'];
      if (name === 'value' && one.matches('input[type=submit], input[type=button]')) continue;
      if (name === 'href') one.setAttribute('href', '#');
      else if (name === 'action') one.setAttribute('action', value.split('?')[0]);
      else if (named[name]?.includes(value)) continue;
      else if (named[name]?.includes('')) one.setAttribute(name, '');
      else if (!ours.includes(name)) one.removeAttribute(name);
    }
  }
  const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_COMMENT);
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode);
  for (const one of texts) {
    if (one.nodeType === Node.COMMENT_NODE) one.remove();
    else if (!one.data.trim()) continue;
    else if (one.parentElement?.closest('head')) one.data = 'Saved page';
    else if (!one.parentElement?.closest(speaks)) one.data = '…';
    else one.data = one.data.replace(/\d/g, '0');
  }
  return document.documentElement.outerHTML;
}
