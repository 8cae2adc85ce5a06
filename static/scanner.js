// Tells a scanner from a person by the speed of its keys.
"use strict";
// Below the time between two keys of a person, rarely under 50 ms; a hand scanner needs 7 to 8.
const SCAN_KEY_MILLISECONDS = 35;
// Fewer fast keys may be a person's fingers rolling over the keyboard.
const SCAN_CHARACTERS_MIN = 4;
// Keys with less time between them belong together; a scanner on a busy machine or a weak radio pauses.
const SCAN_PAUSE_MILLISECONDS = 400;
const SCAN_SUFFIXES = ["Enter", "Tab"];

// The keys typed in a row, the field that got the first of them, and its value before that.
class KeyRun {
  text = "";
  last = -Infinity;
  fastCount = 0;
  isScan = false;
  target = null;
  before = "";

  clear() {
    this.text = "";
    this.last = -Infinity;
    this.isScan = false;
  }

  isEndedBy(event) {
    return this.isScan && SCAN_SUFFIXES.includes(event.key) && event.timeStamp - this.last < SCAN_PAUSE_MILLISECONDS;
  }

  // Judges by the time at which a key was pressed, which a busy page does not change.
  add(event) {
    const pause = event.timeStamp - this.last;
    if (pause >= SCAN_PAUSE_MILLISECONDS) {
      this.clear();
      this.target = event.target;
      this.before = event.target.value || "";
    }
    this.fastCount = pause < SCAN_KEY_MILLISECONDS ? this.fastCount + 1 : 1;
    this.isScan ||= this.fastCount >= SCAN_CHARACTERS_MIN;
    this.text += event.key;
    this.last = event.timeStamp;
  }

  // Takes the run out of the field that it was typed into.
  takeOut() {
    if ("value" in this.target) this.target.value = this.before;
  }
}
