// How a scanner is told from a person: its keys come faster, and Enter at the end.
"use strict";
// A hand scanner types a key every 7 to 8 ms; a person rarely does in under 50.
const BURST_MILLISECONDS = 35;
const SCAN_CHARACTERS_MIN = 4;

// Keys that came fast, where the first of them went, and what that field said before.
class Burst {
  text = "";
  last = -Infinity;
  target = null;
  before = "";

  clear() {
    this.text = "";
    this.last = -Infinity;
  }

  get isScan() {
    return this.text.length >= SCAN_CHARACTERS_MIN;
  }

  isEndedBy(event) {
    return event.key === "Enter" && this.isScan && event.timeStamp - this.last < 3 * BURST_MILLISECONDS;
  }

  // By when the key was pressed: a page that is busy for a moment must not cut a scan in two.
  note(event) {
    if (event.timeStamp - this.last >= BURST_MILLISECONDS) {
      this.text = "";
      this.target = event.target;
      this.before = event.target.value || "";
    }
    this.text += event.key;
    this.last = event.timeStamp;
  }

  // Take the scan's text out of the field that it was typed into.
  takeOut() {
    if ("value" in this.target) this.target.value = this.before;
  }
}
