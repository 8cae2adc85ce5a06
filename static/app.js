// The little that the pages do in the browser beside htmx: the dialog, the keys, focus, messages.
// Every page works without it.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const UNDO_MILLISECONDS = 1000;
  const PAGES = { c: "/counter", t: "/", m: "/members", r: "/rewards", e: "/redemptions", p: "/programs", d: "/developers", s: "/staff" };
  let waitsForPage = false;
  let undoEndsAt = 0;

  const startUndoClock = () => {
    const toast = document.querySelector("[data-undo-seconds]");
    undoEndsAt = toast ? Date.now() + Number(toast.dataset.undoSeconds) * UNDO_MILLISECONDS : 0;
  };

  const focusFirst = (root) => {
    // htmx would focus [autofocus] once more when it settles, under the hands of a fast typist;
    // what it swaps in says data-autofocus instead.
    const target =
      root.querySelector("[data-focus]") || root.querySelector("[data-autofocus]") || root.querySelector("h1, h2");
    if (target) target.focus();
  };

  const announce = (text) => {
    byId("announcer").textContent = "";
    byId("announcer").textContent = text;
  };

  // What does nothing without a script.
  const showButtons = () => {
    document.querySelectorAll("[data-pause], [data-print]").forEach((button) => button.removeAttribute("hidden"));
  };

  const openDialog = () => {
    const dialog = byId("dialog");
    if (!dialog.open) dialog.showModal();
    focusFirst(dialog);
  };

  document.addEventListener("DOMContentLoaded", () => {
    startUndoClock();
    showButtons();
    document.querySelectorAll("[data-select]").forEach((field) => field.select());
    const lock = byId("lock");
    const frame = document.documentElement.dataset;
    if ("signedIn" in frame) watchLeaving();
    if (frame.idleSeconds) watchLeft(Number(frame.idleSeconds));
    if (lock) watchIdle(lock);
    // A PIN is sent with its last digit.
    document.querySelectorAll("[data-sends-at]").forEach((field) => {
      field.addEventListener("input", () => {
        if (field.value.length === Number(field.dataset.sendsAt)) field.form.requestSubmit();
      });
    });
    const problem = document.querySelector("main [data-focus]");
    if (problem) problem.focus();
  });

  // What a scanner types into a person's form is their card, wherever the cursor was; its Enter
  // sends nothing.
  const run = new KeyRun();
  document.addEventListener(
    "keydown",
    (event) => {
      const form = event.target.closest("form[data-scans-into]");
      if (!form || event.ctrlKey || event.metaKey || event.altKey) return;
      if (run.isEndedBy(event)) {
        event.preventDefault();
        const card = byId(form.dataset.scansInto);
        run.takeOut();
        card.value = run.text;
        card.focus();
        run.clear();
      } else if (event.key.length === 1) {
        run.add(event);
      }
    },
    { capture: true },
  );

  document.addEventListener("input", (event) => {
    const part = event.target.closest("[data-chooses]");
    if (part) byId(part.dataset.chooses).checked = true;
  });

  // Nothing empty is sent as a PIN, a code or a password: Enter, pressed by habit after the last
  // digit, meets a field that the answer has emptied.
  const showEmpty = (field) => {
    if (byId(`${field.id}-error`)) return;
    const problem = document.createElement("p");
    problem.className = "r-err";
    problem.id = `${field.id}-error`;
    problem.textContent = field.dataset.empty;
    field.after(problem);
    field.classList.add("is-wrong");
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", problem.id);
  };
  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target;
      // A passkey takes the PIN's place.
      if (form.elements.approver_passkey?.value) return;
      const empty = [...form.querySelectorAll("[data-empty]")].filter((field) => !field.value);
      if (!empty.length) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      empty.forEach(showEmpty);
      empty[0].focus();
    },
    { capture: true },
  );

  // A form that leads to another page is sent once, however often one presses while it comes.
  const SENT_MILLISECONDS = 10000;
  document.addEventListener("submit", (event) => {
    const form = event.target;
    // What htmx sends is held back by its own means.
    if (event.defaultPrevented || form.method !== "post") return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    // On the window, after all others: a passkey is asked for first, and then the form is sent.
    window.addEventListener(
      "submit",
      (heard) => {
        if (heard.defaultPrevented) return;
        form.dataset.sent = "once";
        window.setTimeout(() => delete form.dataset.sent, SENT_MILLISECONDS);
      },
      { once: true },
    );
  });
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("[data-sent]").forEach((form) => delete form.dataset.sent);
  });

  document.addEventListener("regulars:done", () => {
    const dialog = byId("dialog");
    if (dialog.open) dialog.close();
    dialog.replaceChildren();
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    const target = event.detail.target;
    const effect = byId("ledger-effect");
    const label = effect && document.querySelector('[data-effect="points"]');
    if (label) label.textContent = effect.dataset.points;
    // A form that swaps itself is gone by now: the event comes from what has taken its place.
    if (target.id === "dialog" || event.target.closest("#dialog")) {
      if (!target.id.startsWith("ledger-effect")) openDialog();
    } else if (target.id === "main") {
      focusFirst(byId("main"));
      showButtons();
    } else if (event.target.matches("form.r-sheet")) {
      focusFirst(event.target);
    }
    startUndoClock();
  });

  // Whoever loads more goes on from there: the button that they pressed is another now.
  document.addEventListener("htmx:oobAfterSwap", (event) => {
    const more = event.detail.target;
    if (!more.matches(".r-more") || document.activeElement !== document.body) return;
    const next = byId(more.id).querySelector("a") || byId(more.id);
    next.tabIndex = 0;
    next.focus();
  });

  const isPoll = (element) => (element.getAttribute("hx-trigger") || "").startsWith("every");

  const announceFailure = (event) => {
    // The counter sends again by itself, and says so; a list that looks by itself looks again.
    if (byId("counter-stage") || isPoll(event.detail.elt)) return;
    const isAct = event.detail.requestConfig?.verb === "post";
    // A page that did not come may be the one after an act that was done: the same once more would be another.
    const words = isAct
      ? "The server did not answer, so this may not be saved. Try again: it cannot count twice."
      : "Not loaded. The server did not answer. Reload the page: it shows what has happened.";
    const line = document.createElement("div");
    line.textContent = words;
    const sheet = byId("dialog").open && byId("dialog").querySelector(".r-sheet");
    if (sheet) {
      // An open dialog lets nothing beside it be seen or heard.
      line.className = "r-inset r-warn r-notice";
      line.tabIndex = -1;
      line.dataset.failure = "";
      sheet.querySelectorAll("[data-failure]").forEach((each) => each.remove());
      sheet.prepend(line);
      line.focus();
      return;
    }
    announce(words);
    line.className = "r-toast";
    byId("toast").replaceChildren(line);
  };

  document.addEventListener("htmx:sendError", announceFailure);
  document.addEventListener("htmx:timeout", announceFailure);
  document.addEventListener("htmx:responseError", announceFailure);

  document.addEventListener("htmx:beforeRequest", (event) => {
    const paused = document.querySelector('[data-pause][aria-pressed="true"]');
    const { elt } = event.detail;
    // Nor is a list taken away from under who is in it.
    const isHeld = isPoll(elt) && elt.contains(document.activeElement);
    if (isHeld || (paused && elt.id === paused.dataset.pause)) {
      event.preventDefault();
      return;
    }
    // What is being fetched fades after 300 ms; the field that asked for it stays as it is.
    for (const each of [event.detail.elt, event.detail.target]) each.setAttribute("aria-busy", "true");
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const { elt, target, requestConfig } = event.detail;
    // The answer may have gone elsewhere than was asked.
    for (const each of [elt, target, requestConfig.target]) each?.removeAttribute("aria-busy");
  });

  // A link that takes typed text along takes what its field, or its form, holds when it is pressed.
  const takeAlong = (event) => {
    const link = event.target.closest("[data-takes]");
    if (!link) return;
    const source = byId(link.dataset.takes);
    const address = new URL(link.href);
    for (const field of source.elements || [source]) {
      const name = link.dataset.takesAs || field.name;
      if (!name) continue;
      if (field.value.trim()) address.searchParams.set(name, field.value.trim());
      else address.searchParams.delete(name);
    }
    link.href = address.href;
  };
  document.addEventListener("click", takeAlong, { capture: true });
  // The middle button opens another tab.
  document.addEventListener("auxclick", takeAlong, { capture: true });

  document.addEventListener("click", (event) => {
    const closer = event.target.closest("[data-close]");
    if (closer && byId("dialog").open) {
      event.preventDefault();
      byId("dialog").close();
    }
    if (event.target.closest("[data-print]")) window.print();
    const pause = event.target.closest("[data-pause]");
    if (pause) {
      const isPaused = pause.getAttribute("aria-pressed") !== "true";
      pause.setAttribute("aria-pressed", String(isPaused));
      pause.querySelector("span").textContent = isPaused ? "Go on" : "Pause";
    }
  });

  // A till that nobody touches locks itself, in all of its tabs at once.
  const LAST_TOUCH = "regulars-last-touch";
  const LOCKED = "regulars-locked";
  const AWAKE_MILLISECONDS = 20000;
  const LOOK_MILLISECONDS = 10000;
  const TOUCHES = ["keydown", "pointerdown", "pointermove", "wheel"];
  const watchIdle = (lock) => {
    const idleMilliseconds = Number(lock.dataset.idleSeconds) * 1000;
    let reportedAt = Date.now();
    const touch = () => {
      localStorage.setItem(LAST_TOUCH, String(Date.now()));
      // The server locks too, and hears of touches that ask it for nothing.
      if (Date.now() - reportedAt < AWAKE_MILLISECONDS) return;
      reportedAt = Date.now();
      fetch(lock.dataset.awake, { method: "POST", body: new FormData(lock) }).catch(() => {});
    };
    TOUCHES.forEach((each) => document.addEventListener(each, touch, { passive: true }));
    touch();
    setInterval(() => {
      if (Date.now() - Number(localStorage.getItem(LAST_TOUCH)) >= idleMilliseconds && !isLeaving) {
        lock.requestSubmit();
      }
    }, 1000);
  };

  // Away from a till a sign-in that nobody uses ends on the server; then no tab goes on showing it.
  const watchLeft = (seconds) => {
    const touch = () => localStorage.setItem(LAST_TOUCH, String(Date.now()));
    const hasTyped = () =>
      [...document.querySelectorAll(":is(main, #dialog) :is(input:not([type=hidden]), textarea)")].some((each) => each.value !== each.defaultValue);
    TOUCHES.forEach((each) => document.addEventListener(each, touch, { passive: true }));
    touch();
    setInterval(() => {
      const isOver = Date.now() - Number(localStorage.getItem(LAST_TOUCH)) >= seconds * 1000;
      // What is half typed stays; it can be sent after signing in again.
      if (isOver && !hasTyped()) window.location.reload();
    }, LOOK_MILLISECONDS);
  };

  // Whoever signs out or locks leaves nothing to read in the other tabs.
  let isLeaving = false;
  const watchLeaving = () => {
    document.addEventListener("submit", (event) => {
      if (!event.target.matches("[data-out]")) return;
      isLeaving = true;
      localStorage.setItem(LOCKED, String(Date.now()));
    });
    // They look again, once the server has heard of it.
    window.addEventListener("storage", (event) => {
      if (event.key === LOCKED && !isLeaving) setTimeout(() => window.location.reload(), 500);
    });
  };

  const rows = () => [...document.querySelectorAll("[data-row]")];

  const moveCursor = (step) => {
    const all = rows();
    if (!all.length) return;
    const now = all.findIndex((row) => row.classList.contains("is-cursor"));
    const next = all[Math.min(all.length - 1, Math.max(0, now + step))];
    all.forEach((row) => row.classList.remove("is-cursor"));
    next.classList.add("is-cursor");
    next.scrollIntoView({ block: "nearest" });
  };

  const inCursor = (selector) => {
    const row = document.querySelector(".is-cursor");
    return row && row.querySelector(selector);
  };

  const press = (element) => {
    if (!element) return false;
    element.click();
    return true;
  };

  // Only where the page leads to: who may not go there is not sent there.
  const goTo = (path) => path !== undefined && press(document.querySelector(`.r-nav[href="${path}"]`));

  const isTyping = (element) => element.closest("input, select, textarea, [contenteditable]") !== null;

  const actions = {
    "/": () => byId("q") ? (byId("q").focus(), true) : (byId("everything").focus(), true),
    "?": () => (window.location.assign("/shortcuts"), true),
    c: () => goTo("/counter"),
    g: () => (waitsForPage = true),
    j: () => (moveCursor(1), true),
    k: () => (moveCursor(-1), true),
    ArrowDown: () => (moveCursor(1), true),
    ArrowUp: () => (moveCursor(-1), true),
    Enter: () => press(inCursor("[data-open]")),
    a: () => press(inCursor("[data-award]")) || press(document.querySelector('[data-key="a"]')),
    r: () => press(document.querySelector('[data-key="r"]')),
    n: () => press(document.querySelector('[data-key="n"]')),
    l: () => press(document.querySelector("#lock button")),
    v: () => press(inCursor("[data-reverse]")),
    u: () => Date.now() < undoEndsAt && press(document.querySelector('#toast [data-key="u"]')),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.target.id === "q" && event.key === "ArrowDown" && rows().length) {
      event.target.blur();
      moveCursor(1);
      event.preventDefault();
      return;
    }
    // The counter has keys of its own.
    if (isTyping(event.target) || byId("dialog")?.open || byId("counter-stage")) return;
    if (event.key.length === 1 && document.documentElement.dataset.letters === "off") return;
    if (event.key === "Enter" && event.target.closest("a, button, summary")) return;
    if (waitsForPage) {
      waitsForPage = false;
      // Who may not see the staff has their part of the audit log in its place.
      if (!goTo(PAGES[event.key]) && event.key === "s") goTo("/audit");
      return;
    }
    const action = actions[event.key];
    if (action && action()) event.preventDefault();
  });
})();
