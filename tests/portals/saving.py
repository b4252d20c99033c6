"""Save what a page shows, without what it hides, its scripts, its field values and the rows of its tables."""

from pathlib import Path

from playwright.async_api import Page

CLEAN = """() => {
    const clean = (document) => {
    const keep = new Set(['HTML', 'HEAD', 'TITLE', 'META', 'BODY', 'OPTION', 'OPTGROUP']);
    const all = [...document.querySelectorAll('*')];
    // asked before the style sheets go, for they hide too
    const hidden = new Set(all.filter((one) => !one.closest('head') && !keep.has(one.tagName)
        && !one.checkVisibility({ visibilityProperty: true })));
    for (const one of all)
        if (!one.isConnected) continue;
        else if (['SCRIPT', 'STYLE', 'LINK', 'IMG', 'SVG', 'IFRAME'].includes(one.tagName.toUpperCase())) one.remove();
        else if (one.closest('head')) { if (!keep.has(one.tagName)) one.remove(); }
        else if (hidden.has(one)) one.remove();
    for (const row of document.querySelectorAll('tbody tr'))
        if (row.cells.length > 2) row.remove();
    for (const one of document.querySelectorAll('*'))
        for (const { name } of [...one.attributes])
            if (name.startsWith('on') || name === 'style' || (name === 'value' && one.matches('input:not([type=submit])')))
                one.removeAttribute(name);
    };
    const whole = (document) => {
        // a set of frames becomes a body of frames that carry their pages: one file holds them all
        const frames = [...document.querySelectorAll('frame')].map((one) => [one.name, whole(one.contentDocument)]);
        clean(document);
        for (const one of [...document.querySelectorAll('*')].filter((one) => one.shadowRoot)) {
            // a shadow root is kept in the form that needs no script
            const inner = document.createElement('template');
            inner.setAttribute('shadowrootmode', 'open');
            inner.innerHTML = one.shadowRoot.innerHTML.replace(/<style>.*?<\\/style>/s, '');
            one.prepend(inner);
        }
        if (frames.length) {
            document.querySelector('frameset').outerHTML = '<body></body>';
            for (const [name, html] of frames) {
                const inner = document.createElement('iframe');
                inner.name = name;
                inner.setAttribute('srcdoc', html);
                document.body.append(inner);
            }
        }
        return document.documentElement.outerHTML;
    };
    return whole(document);
}"""


async def save(page: Page, file: Path, status: int = 200) -> None:
    """Write the page as it stands, with its address (no query) as canonical link. The page is of no use afterwards."""
    address = page.url.partition("?")[0]
    html = await page.evaluate(CLEAN)
    facts = f'<link rel="canonical" href="{address}">'
    if status != 200:
        facts += f'<meta name="saved-status" content="{status}">'
    lines = [line.rstrip() for line in html.replace("<head>", f"<head>{facts}", 1).splitlines()]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("<!doctype html>\n" + "\n".join(line for line in lines if line) + "\n", encoding="utf-8")
