// What a document shows, to be saved as an example: no scripts, nothing hidden, no rows of a list. Its words are scrubbed elsewhere.
// `frames`: what each of its frames shows, in their order; nothing for one that is left out. Null: it has other frames than these.
(frames) => {
  const shown = (one) => one.checkVisibility ? one.checkVisibility() : one.getClientRects().length > 0;
  const kept = ['HTML', 'HEAD', 'BODY', 'FRAMESET', 'OPTION', 'OPTGROUP'];
  const gone = ['SCRIPT', 'STYLE', 'LINK', 'META', 'TITLE', 'IMG', 'SVG', 'NOSCRIPT', 'TEMPLATE', 'OBJECT', 'EMBED', 'XMP', 'PLAINTEXT'];
  const own = [...document.querySelectorAll('iframe, frame')];
  if (own.length !== frames.length) return null;
  const carried = new Map(own.map((one, at) => [one, frames[at]]));
  for (const one of [...document.querySelectorAll('*')]) {
    if (!one.isConnected) continue;
    if (carried.has(one)) { if (carried.get(one) === null) one.remove(); } // whether it shows was asked where its styles are
    else if (gone.includes(one.tagName.toUpperCase())) one.remove();
    else if (!kept.includes(one.tagName) && (one.closest('head') || !shown(one))) one.remove();
  }
  for (const row of document.querySelectorAll('tbody tr')) if (row.cells.length > 2) row.remove();
  const set = document.querySelector('frameset');
  if (set) {
    const body = document.createElement('body'); // a set of frames becomes a page of frames
    body.append(...set.querySelectorAll('frame'));
    set.replaceWith(body);
  }
  const root = document.documentElement;
  root.remove(); // what frames carry must not begin to load here
  for (const [one, html] of carried) {
    if (html === null) continue;
    const frame = document.createElement('iframe');
    for (const { name, value } of one.attributes) frame.setAttribute(name, value);
    frame.setAttribute('srcdoc', html);
    one.replaceWith(frame);
  }
  return root.outerHTML;
}
