// The code desk's call: two short tones, and a notification of the browser while something else is in front.

export function ring(sound) {
  for (const at of [0, 0.25]) {
    const tone = sound.createOscillator(), volume = sound.createGain();
    tone.frequency.value = 660;
    volume.gain.setValueAtTime(0.2, sound.currentTime + at);
    volume.gain.exponentialRampToValueAtTime(0.001, sound.currentTime + at + 0.2);
    tone.connect(volume).connect(sound.destination);
    tone.start(sound.currentTime + at);
    tone.stop(sound.currentTime + at + 0.2);
  }
}

export function notify(title, more) {
  if (window.Notification?.permission === "granted") new Notification(title, more);
}
