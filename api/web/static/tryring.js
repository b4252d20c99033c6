// Ring yourself: what the code desk does when a code is wanted, on this very computer; says honestly what the browser allowed.

import { notify, ring } from "./ring.js";

const button = document.getElementById("try-ring"), words = document.getElementById("try-ring-words");

if (button) {
  button.hidden = !window.AudioContext;
  button.onclick = async () => {
    const asked = window.Notification?.permission === "default" ? await Notification.requestPermission() : window.Notification?.permission;
    const sound = new AudioContext();
    ring(sound);
    notify("A portal waits for a code", { body: "This is a test.", tag: "try" });
    const shown = asked === "granted" ? "A notification was shown too." : "Notifications are not allowed in this browser: allow them for this site, or keep the code desk in front.";
    words.textContent = `It rang. ${shown} If you heard nothing, look at the volume of this computer.`;
    setTimeout(() => sound.close(), 1000);
  };
}
