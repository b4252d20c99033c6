// Runs in a portal's own world while somebody holds its tab: what its Copy buttons write goes to her clipboard (unseen.js hears of
// it), never to this browser's, which tabs share. As in any browser only soon after a press.
(() => {
  const proto = globalThis.Clipboard?.prototype; // none on a page that is not secure
  if (!proto) return;
  const { dispatchEvent } = EventTarget.prototype, page = document, activation = navigator.userActivation;
  const pressed = () => activation.isActive;
  const refused = () => Promise.reject(new DOMException("Write permission denied.", "NotAllowedError"));
  const hand = (words) => { dispatchEvent.call(page, new CustomEvent("portunus-copied", { detail: String(words) })); };
  const wrap = (name, apply) => { proto[name] = new Proxy(proto[name], { apply }); };
  wrap("writeText", (_, __, [words]) => (pressed() ? Promise.resolve(hand(words)) : refused()));
  wrap("write", async (_, __, [items]) => {
    const one = pressed() && [...items].find(({ types }) => types.includes("text/plain"));
    if (!one) return refused();
    hand(await (await one.getType("text/plain")).text());
  });
})();
