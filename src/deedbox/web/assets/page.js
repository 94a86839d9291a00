// On every page: moves the focus to what went wrong, counts waiting times down, sends each form once.

function fill(pattern, name, value) {
  return pattern.replace(`{${name}}`, value);
}

function waitWords(data, seconds) {
  if (seconds > 120) return fill(data.minutes, "count", Math.ceil(seconds / 60));
  return seconds === 1 ? data.second : fill(data.seconds, "count", seconds);
}

function countDown(paragraph) {
  const data = paragraph.dataset;
  const text = paragraph.querySelector("[data-countdown-text]");
  const over = paragraph.querySelector("[data-countdown-over]");
  const buttons = document.querySelectorAll("[data-after-wait]");
  const endsAt = Date.now() + Number(data.countdown) * 1000;
  for (const button of buttons) button.disabled = true;
  const tick = () => {
    const seconds = Math.ceil((endsAt - Date.now()) / 1000);
    if (seconds > 0) {
      text.textContent = fill(data.running, "wait", waitWords(data, seconds));
      return;
    }
    clearInterval(timer);
    text.textContent = "";
    over.textContent = data.over;
    for (const button of buttons) button.disabled = false;
  };
  const timer = setInterval(tick, 1000);
  tick();
}

function sendOnce(form) {
  const button = form.querySelector("button.main");
  const words = button.textContent;
  form.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    button.setAttribute("aria-disabled", "true");
    if (form.dataset.once) button.textContent = form.dataset.once;
  });
  // Coming back with the browser's button shows the page as it was left.
  addEventListener("pageshow", () => {
    delete form.dataset.sent;
    button.removeAttribute("aria-disabled");
    button.textContent = words;
  });
}

// What was just done is said once: not again when the page is loaded again.
if (document.querySelector("[data-once-said]")) history.replaceState(null, "", location.pathname);
document.querySelector("[data-focus]")?.focus();
for (const paragraph of document.querySelectorAll("[data-countdown]")) countDown(paragraph);
for (const form of document.querySelectorAll("form[data-once]")) sendOnce(form);
