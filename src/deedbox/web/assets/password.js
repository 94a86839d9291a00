// Where passwords are typed: takes a link's token out of the address bar, shows and hides the password, and
// counts a new one. It can't know whether a password is guessed easily, so it speaks of the length only.

const SHORTEST = 8;
const LONGEST = 128;
const PAUSE_MS = 500;

function strengthWords(field, length) {
  if (length === 0) return "";
  if (length < SHORTEST) return field.dataset.short.replace("{count}", SHORTEST - length);
  return length > LONGEST ? field.dataset.long : field.dataset.enough;
}

function watch(field) {
  const input = field.querySelector("input");
  const strength = field.querySelector("[data-strength]");
  const toggle = field.querySelector("[data-show]");
  toggle.hidden = false;
  toggle.addEventListener("click", () => show(input, toggle, input.type === "password"));
  // Browsers keep what was typed into a text field; hidden again, it is no text field.
  input.form.addEventListener("submit", () => show(input, toggle, false));
  if (!strength) return;
  // After a pause: screen readers would read every keystroke's words.
  let timer = null;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      strength.textContent = strengthWords(field, [...input.value].length);
    }, PAUSE_MS);
  });
}

function show(input, toggle, isShown) {
  input.type = isShown ? "text" : "password";
  toggle.textContent = isShown ? toggle.dataset.hide : toggle.dataset.show;
}

if (location.search) history.replaceState(null, "", location.pathname);
for (const field of document.querySelectorAll("[data-password]")) watch(field);
