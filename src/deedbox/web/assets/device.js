// Keeps a device's page current while somebody looks: listens to server-sent events. Where none come through it
// asks every two seconds instead, more often for a moment after the switch was used.

const EVERY_MS = 2000;
const SLOWEST_MS = 30000;
// The server sends something at least every five seconds; a proxy that holds it back shows by its silence.
const LONGEST_SILENCE_MS = 12000;
const MOST_FAILURES = 3;
const IN_A_HURRY_MS = 400;
const HURRY_FOR_MS = 4000;

const root = document.querySelector("[data-live]");
const find = (name) => root.querySelector(`[data-${name}]`);
const trouble = find("trouble");
const pause = find("pause");
const switchForm = find("switch").querySelector("form");
const switchButton = switchForm.querySelector("button");

let timer = null;
let source = null;
let silence = null;
let failures = 0;
let streams = "EventSource" in window;
let waitMs = EVERY_MS;
let paused = false;
let asked = 0;
let hurryUntil = 0;

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function cell(tag, text, className) {
  const element = document.createElement(tag);
  element.textContent = text;
  if (className) element.className = className;
  return element;
}

function showValues(values) {
  const list = find("values");
  const rows = [...list.children];
  const same = rows.length === values.length && values.every((it, index) => rows[index].children[0].textContent === it.name);
  if (!same) {
    list.replaceChildren(...values.map((it) => {
      const row = document.createElement("div");
      row.className = it.is_long ? "long" : "";
      row.append(cell("dt", it.name), cell("dd", it.text), cell("dd", it.when, "when"));
      return row;
    }));
    return;
  }
  values.forEach((it, index) => {
    rows[index].className = it.is_long ? "long" : "";
    say(rows[index].children[1], it.text);
    say(rows[index].children[2], it.when);
  });
}

function showSwitch(state) {
  find("switch").hidden = !state;
  if (!state) return;
  switchButton.setAttribute("aria-checked", String(state.is_on));
  switchButton.value = String(!state.is_on);
  say(find("switch-text"), state.text);
}

function show(live) {
  find("state").classList.toggle("online", live.online);
  say(find("state"), live.state);
  showValues(live.values);
  showSwitch(live.switch);
  find("none").hidden = live.values.length > 0;
  find("hidden").hidden = live.hidden === 0;
  say(find("hidden"), root.dataset.more.replace("{count}", live.hidden));
}

async function refresh() {
  const mine = ++asked;
  clearTimeout(timer);
  try {
    const answer = await fetch(root.dataset.live, { headers: { Accept: "application/json" } });
    if (answer.status === 401 || answer.status === 403 || answer.status === 404) return end();
    if (!answer.ok) throw new Error(String(answer.status));
    const live = await answer.json();
    // An answer that was overtaken by a newer question is old.
    if (mine !== asked) return;
    show(live);
    say(trouble, "");
    waitMs = EVERY_MS;
    // The server answers, but its events do not come through: then asking has to do.
    if (failures >= MOST_FAILURES) streams = false;
  } catch {
    if (mine !== asked) return;
    say(trouble, root.dataset.lost);
    waitMs = Math.min(waitMs * 2, SLOWEST_MS);
  }
  later();
}

// Signed out, or the device is no longer theirs: nothing more will come.
function end() {
  stop();
  paused = true;
  for (const it of [pause, find("state"), find("switch")]) it.hidden = true;
  document.querySelector("[data-once-said]")?.remove();
  say(trouble, root.dataset.signedOut);
}

function later() {
  clearTimeout(timer);
  if (paused || document.hidden || source) return;
  const hurried = !streams && Date.now() < hurryUntil;
  timer = setTimeout(streams ? listen : refresh, hurried ? Math.min(IN_A_HURRY_MS, waitMs) : waitMs);
}

function go() {
  if (paused || document.hidden) return;
  if (streams) listen();
  else refresh();
}

function stop() {
  clearTimeout(timer);
  clearTimeout(silence);
  source?.close();
  source = null;
}

function listen() {
  stop();
  let heard = false;
  const mine = (source = new EventSource(root.dataset.events));
  const wait = () => {
    clearTimeout(silence);
    silence = setTimeout(fail, LONGEST_SILENCE_MS);
  };
  const fail = () => {
    if (mine !== source) return;
    stop();
    if (!heard) failures++;
    refresh();
  };
  mine.onmessage = (event) => {
    if (mine !== source) return;
    heard = true;
    failures = 0;
    asked++;
    show(JSON.parse(event.data));
    say(trouble, "");
    waitMs = EVERY_MS;
    wait();
  };
  mine.addEventListener("ended", end);
  mine.onerror = fail;
  wait();
}

async function flip(event) {
  event.preventDefault();
  if (switchButton.getAttribute("aria-disabled")) return;
  switchButton.setAttribute("aria-disabled", "true");
  try {
    const body = new URLSearchParams({ on: switchButton.value });
    const answer = await fetch(switchForm.action, { method: "POST", body, redirect: "manual" });
    if (answer.type !== "opaqueredirect") throw new Error(String(answer.status));
    hurryUntil = Date.now() + HURRY_FOR_MS;
    if (!source) await refresh();
  } catch {
    say(find("switch-text"), switchForm.dataset.failed);
  } finally {
    switchButton.removeAttribute("aria-disabled");
  }
}

const pauseWords = pause.textContent;
pause.hidden = false;
pause.addEventListener("click", () => {
  paused = !paused;
  pause.textContent = paused ? pause.dataset.resume : pauseWords;
  if (paused) stop();
  else go();
});
switchForm.addEventListener("submit", flip);
document.addEventListener("visibilitychange", () => (document.hidden ? stop() : go()));
go();
