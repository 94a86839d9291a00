// Keeps a device's page current: asks every two seconds while the page is seen, more often for a moment after
// the switch was used, and not at all when nobody looks.

const EVERY_MS = 2000;
const SLOWEST_MS = 30000;
const IN_A_HURRY_MS = 400;
const HURRY_FOR_MS = 4000;

const root = document.querySelector("[data-live]");
const find = (name) => root.querySelector(`[data-${name}]`);
const trouble = find("trouble");
const pause = find("pause");
const switchForm = find("switch").querySelector("form");
const switchButton = switchForm.querySelector("button");

let timer = null;
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
    if (answer.status === 401 || answer.status === 403 || answer.status === 404) {
      say(trouble, root.dataset.signedOut);
      paused = true;
      return;
    }
    if (!answer.ok) throw new Error(String(answer.status));
    const live = await answer.json();
    // An answer that was overtaken by a newer question is old.
    if (mine !== asked) return;
    show(live);
    say(trouble, "");
    waitMs = EVERY_MS;
  } catch {
    if (mine !== asked) return;
    say(trouble, root.dataset.lost);
    waitMs = Math.min(waitMs * 2, SLOWEST_MS);
  }
  later();
}

function later() {
  clearTimeout(timer);
  if (!paused && !document.hidden) timer = setTimeout(refresh, Date.now() < hurryUntil ? Math.min(IN_A_HURRY_MS, waitMs) : waitMs);
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
    await refresh();
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
  if (paused) clearTimeout(timer);
  else refresh();
});
switchForm.addEventListener("submit", flip);
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : paused || refresh()));
later();
