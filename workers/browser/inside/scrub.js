// What a page shows, to be saved as an example: no scripts, nothing hidden, no rows of a list. Its words are scrubbed elsewhere.
() => {
  const shown = (one) => one.checkVisibility ? one.checkVisibility() : one.getClientRects().length > 0;
  const kept = ['HTML', 'HEAD', 'BODY', 'OPTION', 'OPTGROUP'];
  const gone = ['SCRIPT', 'STYLE', 'LINK', 'META', 'TITLE', 'IMG', 'SVG', 'IFRAME', 'NOSCRIPT', 'TEMPLATE', 'OBJECT', 'EMBED', 'XMP', 'PLAINTEXT'];
  for (const one of [...document.querySelectorAll('*')]) {
    if (!one.isConnected) continue;
    if (gone.includes(one.tagName.toUpperCase())) one.remove();
    else if (!kept.includes(one.tagName) && (one.closest('head') || !shown(one))) one.remove();
  }
  for (const row of document.querySelectorAll('tbody tr')) if (row.cells.length > 2) row.remove();
  return document.documentElement.outerHTML;
}
