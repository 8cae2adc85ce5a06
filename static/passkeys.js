// Passkeys: the button asks the server what to sign, the browser for the key, and sends the form.
"use strict";
(() => {
  const isAble = Boolean(
    window.PublicKeyCredential &&
      PublicKeyCredential.parseRequestOptionsFromJSON &&
      PublicKeyCredential.parseCreationOptionsFromJSON,
  );
  const WORDS = {
    NotAllowedError: "Nothing was signed. Try again, or go on without a passkey.",
    InvalidStateError: "This device has a passkey of yours already.",
  };

  const show = () => {
    document.querySelectorAll("[data-passkey]").forEach((each) => {
      each.removeAttribute("hidden");
      if (isAble) return;
      each.querySelector("button").hidden = true;
      each.querySelector("[role=alert]").textContent = "This browser has no passkeys. Use another one, or go on without.";
    });
  };

  const ask = async (button) => {
    const fields = new FormData(button.form);
    fields.append("act", button.form.getAttribute("action"));
    const answer = await fetch(button.dataset.options, { method: "POST", body: fields });
    if (!answer.ok) throw new Error("no options");
    const options = await answer.json();
    if ("makes" in button.dataset) {
      return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) });
    }
    return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-passkey] button");
    if (!button) return;
    const message = button.parentElement.querySelector("[role=alert]");
    message.textContent = "";
    try {
      const credential = await ask(button);
      button.form.elements[button.dataset.into].value = JSON.stringify(credential.toJSON());
      button.form.requestSubmit();
    } catch (error) {
      message.textContent = WORDS[error.name] || "The passkey could not be asked for. Reload the page and try again.";
    }
  });

  // Enter in a field beside it is the button, too.
  document.addEventListener("submit", (event) => {
    const button = event.target.querySelector("[data-passkey] button[data-makes]");
    if (button && isAble && !event.target.elements[button.dataset.into].value) {
      event.preventDefault();
      button.click();
    }
  });

  document.addEventListener("DOMContentLoaded", show);
  document.addEventListener("htmx:afterSwap", show);
})();
