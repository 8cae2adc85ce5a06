// Prints the receipt as soon as it is there; the button prints it again.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  document.getElementById("print").addEventListener("click", () => window.print());
  window.print();
});
