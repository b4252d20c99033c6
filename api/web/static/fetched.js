// A file from the download origin: its ticket goes there by form, so that it is in no address.

/** Post the ticket; the answer is saved, or shown in the window or frame that `target` names. */
export function fetched({ url, ticket }, target) {
  const form = document.createElement("form"), field = document.createElement("input");
  Object.assign(form, { method: "post", action: url, target, hidden: true });
  Object.assign(field, { type: "hidden", name: "ticket", value: ticket });
  form.append(field);
  document.body.append(form);
  form.submit();
  form.remove();
}
