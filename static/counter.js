// The counter's hands: where the focus is, which keys act, how a scanner is told from a person, what
// happens when the network is silent. Every act is a form of the page, sent with its one-time key.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);

  // A single key acts when so long no other has followed: before that it may begin a scan.
  const SETTLE_MILLISECONDS = 120;
  // A digit spends points, so it waits for slow scanners too, and for who types the next number.
  const DIGIT_SETTLE_MILLISECONDS = 200;
  // A letter that takes something back or ends it may begin the next customer's name.
  const GRAVE_SETTLE_MILLISECONDS = 350;
  const GRAVE_LETTERS = "uh";
  const REPEAT_MILLISECONDS = 2000;
  // So long after an act nothing on the stage is pressed: it would be meant for what stood there before.
  const CALM_MILLISECONDS = 1000;
  // A scanner presses these between the characters of a card.
  const MODIFIERS = ["Shift", "CapsLock", "AltGraph"];
  const SENDING_MILLISECONDS = 15000;
  const RETRY_MILLISECONDS = [500, 1000, 2000, 4000, 8000, 8000, 8000, 8000];

  const stage = () => byId("counter-stage");
  const state = () => stage().dataset.state;
  const box = () => byId("box");

  const run = new KeyRun();
  // The last scan that went into the box.
  let scanned = "";
  let settling = 0;
  let waiting = "";
  let pressing = 0;
  // The box's text when a request for the stage was sent, by request.
  const asked = new WeakMap();
  // Acts without an answer by their one-time key: how often they were sent again, and what sends
  // them next.
  const unanswered = new Map();
  let submitted = null;
  let isPicking = false;
  let lastScan = { text: "", at: 0 };
  let lastAct = { name: "", at: 0 };
  let actedAt = 0;
  let undoEndsAt = 0;
  let ticking = 0;

  // --- Sound ------------------------------------------------------------------------------------

  const isLoud = () => document.documentElement.dataset.sound !== "off";
  let audio = null;

  const tone = (frequency, startsIn, seconds) => {
    const oscillator = audio.createOscillator();
    const gain = audio.createGain();
    const at = audio.currentTime + startsIn;
    oscillator.frequency.value = frequency;
    gain.gain.setValueAtTime(0.12, at);
    gain.gain.exponentialRampToValueAtTime(0.001, at + seconds);
    oscillator.connect(gain).connect(audio.destination);
    oscillator.start(at);
    oscillator.stop(at + seconds);
  };

  const play = (isGood) => {
    if (!isLoud() || !window.AudioContext) return;
    audio = audio || new AudioContext();
    if (audio.state !== "running") return;
    if (isGood) {
      tone(660, 0, 0.12);
      tone(880, 0.1, 0.18);
    } else {
      tone(220, 0, 0.25);
    }
  };

  // A browser lets a page sound only after somebody has touched it.
  document.addEventListener("keydown", () => audio && audio.resume(), { capture: true });

  // --- Words ------------------------------------------------------------------------------------

  const announce = (text) => {
    byId("announcer").textContent = "";
    byId("announcer").textContent = text;
  };

  const tell = (text) => {
    byId("counter-net").textContent = text;
  };

  // --- The stage --------------------------------------------------------------------------------

  const startClock = () => {
    window.clearInterval(ticking);
    const button = stage().querySelector("[data-seconds]");
    undoEndsAt = button ? Date.now() + Number(button.dataset.seconds) * 1000 : 0;
    if (!button) return;
    const number = button.querySelector("text");
    ticking = window.setInterval(() => {
      const left = Math.max(0, Math.ceil((undoEndsAt - Date.now()) / 1000));
      number.textContent = String(left);
      if (left) return;
      window.clearInterval(ticking);
      // The button goes on undoing; its key does not.
      stage().dataset.undo = "over";
    }, 250);
  };

  // The keys go to what the stage asks for, unless somebody is typing into the box.
  const settle = (isBoxBusy = false) => {
    // A manager who approves types the PIN at once; any other problem is read first.
    const problem = stage().querySelector("[data-focus], .r-approval [data-autofocus], .r-approval button:not([hidden])");
    if (problem) play(false);
    else if (state() === "done") play(true);
    if (!isBoxBusy) focusStage(problem);
    const notice = stage().querySelector("[data-announce]");
    if (notice) announce(notice.textContent.trim());
    startClock();
  };

  const focusStage = (problem) => {
    if (problem) {
      // What is wrong with an amount is put right there: no digit may reach the keypad.
      const amount = problem.closest("#counter-award") && problem.matches("[data-focus]") && byId("spent");
      (amount || problem).focus();
      if (amount) amount.select();
    } else if (state() === "member") {
      byId("keypad").focus();
      box().value = "";
    } else if (state() === "done") {
      byId("done").focus();
    } else if (state() === "idle") {
      box().focus();
    }
  };

  const send = (verb, path, source, values) =>
    // In the name of its form, whose rule says what gives way to what. What goes wrong is told by
    // the events that htmx sends of it.
    htmx.ajax(verb, path, { source, target: "#counter-stage", swap: "outerHTML", values }).catch(() => {});

  const next = () => {
    box().value = "";
    byId("box-scanned").disabled = true;
    scanned = "";
    run.clear();
    lastScan = { text: "", at: 0 };
    submitted = null;
    if (!unanswered.size) tell("");
    send("GET", "/counter", byId("counter-form"));
    box().focus();
  };

  const find = (text) => {
    const now = Date.now();
    if (text === lastScan.text && now - lastScan.at < REPEAT_MILLISECONDS) return;
    lastScan = { text, at: now };
    box().value = text;
    scanned = text;
    byId("counter-form").requestSubmit();
  };

  const isScanned = () => Boolean(scanned) && box().value.includes(scanned);

  document.addEventListener(
    "submit",
    (event) => {
      if (event.target.id !== "counter-form") return;
      // Set before htmx collects the values.
      byId("box-scanned").disabled = !isScanned();
      submitted = box().value;
      isPicking = true;
    },
    { capture: true },
  );

  document.addEventListener("htmx:beforeSend", (event) => {
    if (event.detail.target.id === "counter-stage") asked.set(event.detail.xhr, box().value);
  });

  // Somebody types or scans the next customer while the answer to what they asked before comes.
  const isTypingOn = (xhr) => document.activeElement === box() && box().value && box().value !== asked.get(xhr);

  document.addEventListener("htmx:confirm", (event) => {
    // A search that waited for the next letter must not take away whom Enter has opened, nor break
    // off the request that opens them.
    if (event.detail.elt.id !== "box") return;
    const isOpen = state() === "member" || state() === "done";
    if (box().value === submitted || (isOpen && !box().value)) {
      event.preventDefault();
      return;
    }
    submitted = null;
    isPicking = false;
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id !== "counter-stage") return;
    if (!unanswered.size) tell("");
    if (event.detail.requestConfig.verb === "post") actedAt = Date.now();
    if (state() === "hits") {
      const hits = stage().querySelectorAll("[data-hit]");
      announce(hits.length ? `${hits.length} found` : byId("h-hits").textContent);
      // Hits come while one types, and the box keeps the focus; after Enter the first one has it.
      // A scan is nobody's card here: another Enter of the scanner must not open a stranger.
      const first = hits.length ? !isScanned() && hits[0] : byKey("n");
      if (isPicking && first) first.focus();
      isPicking = false;
      return;
    }
    isPicking = false;
    if (state() === "idle" && document.activeElement === box()) return;
    settle(isTypingOn(event.detail.xhr));
  });

  // --- Keys -------------------------------------------------------------------------------------

  const press = (element) => {
    if (!element) return false;
    element.click();
    return true;
  };

  const actOnce = (name, act) => {
    if (name === lastAct.name && Date.now() - lastAct.at < REPEAT_MILLISECONDS) return;
    lastAct = { name, at: Date.now() };
    act();
  };

  const redeem = (digit) => {
    // Digits redeem only from the keypad, so that a phone number cannot spend points.
    if (!isOnKeypad()) return;
    const key = stage().querySelector(`[data-digit="${digit}"]`);
    if (!key) return;
    key.focus();
    if (key.getAttribute("aria-disabled") === "true") {
      refuse(key);
    } else {
      actOnce("redeem", () => key.click());
    }
  };

  const refuse = (key) => {
    play(false);
    announce(key.dataset.why);
    tell(key.dataset.why);
  };

  const byKey = (letter) => stage().querySelector(`[data-counter-key="${letter}"]`);

  const letters = {
    a: () => byId("spent") && (byId("spent").focus(), true),
    o: () => press(byKey("o")),
    n: () => press(byKey("n")) || (window.location.assign(`/members/new?${new URLSearchParams({ back: "counter", typed: box().value })}`), true),
    p: () => press(byKey("p")),
    h: () => press(byKey("h")),
    l: () => press(document.querySelector('#lock [data-counter-key="l"]')),
    u: () => Date.now() < undoEndsAt && (actOnce("undo", () => press(byKey("u"))), true),
    "?": () => (window.location.assign("/shortcuts"), true),
    "/": () => (box().focus(), true),
  };

  const isDigit = (character) => /^[1-9]$/.test(character);
  const isOnKeypad = () => Boolean(document.activeElement && document.activeElement.closest("#keypad"));

  const actionOf = (character) => {
    if (isDigit(character)) return isOnKeypad() ? () => redeem(character) : null;
    const isOn = document.documentElement.dataset.letters !== "off" || character === "/";
    return (isOn && letters[character.toLowerCase()]) || null;
  };

  const isField = (element) => Boolean(element && element.closest("input, select, textarea"));

  const moveHit = (step) => {
    const hits = [...stage().querySelectorAll("[data-hit]")];
    if (!hits.length) return false;
    const at = hits.indexOf(document.activeElement);
    const target = at + step;
    if (target < 0) box().focus();
    else hits[Math.min(hits.length - 1, target)].focus();
    return true;
  };

  const takeScan = (event) => {
    event.preventDefault();
    event.stopPropagation();
    letGo();
    const text = run.text;
    if (isField(run.target) && run.target !== box()) run.takeOut();
    run.clear();
    find(text);
  };

  // A scan takes the place of what was typed into the box before it.
  const noteScan = () => {
    if (!run.isScan) return;
    scanned = run.text;
    if (document.activeElement !== box() || run.target !== box() || !run.before) return;
    // The last key has yet to reach the box.
    box().value = run.text.slice(0, -1);
    run.before = "";
  };

  // A scanner may send Enter first, so a control is pressed only when no other key follows.
  const pressLater = (element) => {
    window.clearTimeout(pressing);
    pressing = window.setTimeout(() => {
      if (!element.isConnected) return;
      if (isField(element)) element.form.requestSubmit();
      else element.click();
    }, DIGIT_SETTLE_MILLISECONDS);
  };

  const letGo = () => {
    window.clearTimeout(settling);
    waiting = "";
  };

  const settleOf = (character) => {
    const isGrave = GRAVE_LETTERS.includes(character.toLowerCase());
    const most = isGrave ? GRAVE_SETTLE_MILLISECONDS : SETTLE_MILLISECONDS;
    const shown = stage();
    window.clearTimeout(settling);
    settling = window.setTimeout(
      () => {
        const action = actionOf(character);
        letGo();
        // The key was meant for the stage on which it was pressed.
        if (!action || shown !== stage()) return;
        run.clear();
        action();
      },
      isDigit(character) ? DIGIT_SETTLE_MILLISECONDS : most,
    );
  };

  // What is typed outside a field acts by its key, or begins the next search in the box.
  const typeOutside = (character) => {
    if (waiting && /^(.)\1*$/.test(waiting + character)) {
      // Pressed twice: it acts once, when nothing more has come.
      waiting += character;
      settleOf(character);
      return;
    }
    if (!waiting && character === " ") return;
    const text = waiting + character;
    const action = waiting ? null : actionOf(character);
    letGo();
    if (!action) {
      box().value = text;
      box().focus();
      box().dispatchEvent(new Event("input", { bubbles: true }));
      return;
    }
    waiting = character;
    settleOf(character);
  };

  document.addEventListener(
    "keydown",
    (event) => {
      if (byId("camera").open || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.repeat && !isField(event.target)) {
        event.preventDefault();
        return;
      }
      // A PIN is no scan, however fast it is typed.
      if (event.target.closest(".r-approval") && event.key !== "Escape") return;
      if (run.isEndedBy(event)) {
        takeScan(event);
        return;
      }
      if (event.key === "Enter" && event.target.closest("#counter-stage") && event.target.matches("a, button, input")) {
        event.preventDefault();
        run.clear();
        if (!event.repeat) pressLater(event.target);
        return;
      }
      if (event.key === "Escape") {
        event.preventDefault();
        next();
        return;
      }
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        if (event.target === box() || event.target.matches("[data-hit]")) {
          if (moveHit(event.key === "ArrowDown" ? 1 : -1)) event.preventDefault();
        }
        return;
      }
      if (event.key.length !== 1) {
        // Text that is edited by hand is no scan.
        if (!MODIFIERS.includes(event.key)) run.clear();
        return;
      }
      window.clearTimeout(pressing);
      // The space bar presses what has the focus.
      if (event.key === " " && !run.isScan && event.target.closest("a, button, summary")) return;
      run.add(event);
      noteScan();
      if (isField(event.target)) return;
      event.preventDefault();
      typeOutside(event.key);
    },
    { capture: true },
  );

  document.addEventListener(
    "click",
    (event) => {
      // Pressed by hand: a key's click has no count.
      const isHand = event.detail > 0 && event.target.closest("#counter-stage");
      if (isHand && Date.now() - actedAt < CALM_MILLISECONDS) {
        event.preventDefault();
        event.stopPropagation();
        return;
      }
      const key = event.target.closest("[data-digit]");
      if (key && key.getAttribute("aria-disabled") === "true") {
        event.preventDefault();
        event.stopPropagation();
        refuse(key);
      }
      if (event.target.closest("[data-counter-next]")) {
        event.preventDefault();
        next();
      }
    },
    { capture: true },
  );

  // --- Silence on the network -------------------------------------------------------------------

  const again = (event) => {
    const config = event.detail.requestConfig;
    if (!config || config.verb !== "post") {
      isPicking = false;
      tell("No answer. Check the connection; what you typed is still here.");
      return;
    }
    const { elt, target } = event.detail;
    sendAgain({ path: config.path, values: config.formData, form: elt, stage: target });
  };

  const settleAct = (once) => {
    unanswered.delete(once);
    if (!unanswered.size) tell("");
  };

  const nameOf = (shown) => shown.querySelector("#who").textContent.trim();

  // Whoever leaves the page would never hear of it. Who leaves the till must be able to.
  let isOut = false;
  document.addEventListener("submit", (event) => (isOut ||= event.target.matches("[data-out]")));
  window.addEventListener("beforeunload", (event) => {
    if (unanswered.size && !isOut) event.preventDefault();
  });

  const sendAgain = (act) => {
    const isShown = act.stage.isConnected;
    const count = unanswered.get(act.values.get("once"))?.count || 0;
    if (count >= RETRY_MILLISECONDS.length) {
      settleAct(act.values.get("once"));
      play(false);
      if (isShown) tell("Still no answer. Reload the page: it shows whether this has happened. It cannot count twice.");
      else tellLate(act.stage, "still no answer. Open the page: it shows whether this has happened.");
      return;
    }
    const who = isShown ? "No" : `${nameOf(act.stage)}: no`;
    tell(`${who} answer. Trying again (${count + 1}). It cannot count twice.`);
    const timer = window.setTimeout(() => {
      // Whoever is served next must not lose the stage to an act for who has left.
      if (act.stage.isConnected) send("POST", act.path, act.form, act.values);
      else sendUnseen(act);
    }, RETRY_MILLISECONDS[count]);
    unanswered.set(act.values.get("once"), { count: count + 1, timer });
  };

  const sendUnseen = async (act) => {
    let answer;
    try {
      answer = await fetch(act.path, {
        method: "POST",
        body: new URLSearchParams(act.values),
        headers: { "X-Workspace": act.values.get("workspace") },
        signal: AbortSignal.timeout(SENDING_MILLISECONDS),
      });
    } catch {
      sendAgain(act);
      return;
    }
    if (answer.status >= 500) {
      sendAgain(act);
      return;
    }
    settleAct(act.values.get("once"));
    // An act that counts leads to its slip; the others answer by themselves.
    const isSlip = /^\?(redemption|award)=/.test(new URL(answer.url).search);
    tellEnd(act, answer.ok && (isSlip || !answer.redirected));
  };

  // How an act ended whose stage is gone: in a line that stays until it is looked at.
  const tellEnd = ({ stage, path }, isDone) => {
    if (!isDone) play(false);
    const what = path.endsWith("/undo") ? "undone" : path.endsWith("/fulfil") ? "marked as handed over" : "counted";
    tellLate(stage, isDone ? `this was ${what}.` : `this was not ${what}. Open the page and look.`);
  };

  const tellLate = (stage, words) => {
    const line = document.createElement("div");
    const text = document.createElement("span");
    const link = document.createElement("a");
    const closer = document.createElement("button");
    line.className = "r-toast";
    text.textContent = `${nameOf(stage)}: ${words}`;
    link.className = "btn btn-sm";
    link.href = stage.dataset.address;
    link.textContent = "Open";
    closer.type = "button";
    closer.className = "btn btn-sm";
    closer.textContent = "Close";
    closer.addEventListener("click", () => line.remove());
    line.append(text, link, closer);
    byId("toast").append(line);
  };

  document.addEventListener("htmx:configRequest", (event) => {
    // Pressed again by hand, it needs no sending by itself.
    window.clearTimeout(unanswered.get(event.detail.parameters.once)?.timer);
  });

  const takeAnswer = (event) => {
    const { requestConfig, target, xhr } = event.detail;
    if (requestConfig.verb !== "post" || xhr.status >= 500) return;
    settleAct(requestConfig.formData.get("once"));
    if (target.isConnected || xhr.status === 204) return;
    event.preventDefault();
    tellEnd({ stage: target, path: requestConfig.path }, xhr.status < 400);
  };

  const hears = [
    ["htmx:beforeOnLoad", takeAnswer],
    ["htmx:sendError", again],
    ["htmx:timeout", again],
    ["htmx:responseError", (event) => event.detail.xhr.status >= 500 && again(event)],
  ];
  // What comes of an act whose stage is gone no longer reaches the page: the stage hears of it.
  const hearsAlone = hears.map(([name, hear]) => [name, (event) => event.detail.target.isConnected || hear(event)]);
  hears.forEach(([name, hear]) => document.addEventListener(name, hear));
  document.addEventListener("htmx:beforeSend", (event) => {
    const { requestConfig, target } = event.detail;
    if (requestConfig.verb !== "post") return;
    hearsAlone.forEach(([name, hear]) => target.addEventListener(name, hear));
  });

  // --- The camera -------------------------------------------------------------------------------

  const FORMATS = ["qr_code", "code_128", "ean_13", "ean_8"];
  let stream = null;

  const closeCamera = () => {
    if (stream) stream.getTracks().forEach((track) => track.stop());
    stream = null;
    if (byId("camera").open) byId("camera").close();
    box().focus();
  };

  const watch = async (detector) => {
    while (stream) {
      const found = await detector.detect(byId("camera-video")).catch(() => []);
      if (found.length && stream) {
        closeCamera();
        find(found[0].rawValue);
        return;
      }
      await new Promise((resolve) => window.setTimeout(resolve, 150));
    }
  };

  const openCamera = async () => {
    byId("camera").showModal();
    byId("camera-words").textContent = "";
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch {
      byId("camera-words").textContent = "The camera can’t be used here. Allow it in the browser, or type the number.";
      return;
    }
    byId("camera-video").srcObject = stream;
    await byId("camera-video").play();
    watch(new window.BarcodeDetector({ formats: FORMATS }));
  };

  document.addEventListener("DOMContentLoaded", () => {
    if ("BarcodeDetector" in window && navigator.mediaDevices) byId("camera-open").hidden = false;
    byId("camera-open").addEventListener("click", openCamera);
    byId("camera-close").addEventListener("click", closeCamera);
    byId("camera").addEventListener("close", closeCamera);
    settle();
  });
})();
