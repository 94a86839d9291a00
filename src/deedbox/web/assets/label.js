// On the page that labels lead to: takes the label out of the address bar before anything else, and sends it
// once. Nothing of it is kept here. Typed codes are checked for slips before they are sent.

const ALPHABET = "0123456789BCDFGHJKMNPQRSTVWXYZ";
const TYPED_CODE = /^([0-9A-Za-z]{9}|[0-9A-Za-z]{2,4}([-. ][0-9A-Za-z]{2,4}){2})$/;

function takeFragment() {
  const fragment = location.hash.slice(1);
  if (location.hash) history.replaceState(null, "", location.pathname + location.search);
  return fragment;
}

async function send(fragment) {
  const start = document.querySelector("[data-label-start]");
  if (!start || !fragment) return;
  const reading = document.querySelector("[data-label-reading]");
  reading.textContent = reading.dataset.text;
  start.hidden = true;
  const problem = await problemWith(start.dataset.intents, fragment);
  if (problem === null) {
    location.replace("/d/add");
    return;
  }
  reading.textContent = "";
  start.hidden = false;
  showProblem(problem);
}

async function problemWith(address, fragment) {
  const failed = document.querySelector("[data-label-problem]").dataset.failed;
  try {
    const answer = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ label: fragment }),
    });
    if (answer.ok) return null;
    return (await answer.json()).message ?? failed;
  } catch {
    return failed;
  }
}

function showProblem(text) {
  const box = document.querySelector("[data-label-problem]");
  box.querySelector("[data-label-problem-text]").textContent = text;
  box.hidden = false;
  box.focus();
}

// ISO 7064 MOD 31,30 over the symbols of short codes.
function checks(symbols) {
  const size = ALPHABET.length;
  let check = size / 2;
  for (const symbol of symbols) {
    check = (((check || size) * 2) % (size + 1) + ALPHABET.indexOf(symbol)) % size;
  }
  return check === 1;
}

function looksMistyped(text) {
  if (!TYPED_CODE.test(text)) return false;
  const folded = text.toUpperCase().replaceAll("O", "0").replace(/[IL]/g, "1");
  const symbols = [...folded].filter((symbol) => ALPHABET.includes(symbol));
  return symbols.length !== 9 || !checks(symbols);
}

function showFieldProblem(input, text) {
  const id = `${input.id}-error`;
  const message = document.getElementById(id) ?? document.createElement("p");
  message.id = id;
  message.className = "field-error";
  message.textContent = text;
  input.before(message);
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", `${id} ${input.id}-hint`);
  input.focus();
}

function clearFieldProblem(input) {
  document.getElementById(`${input.id}-error`)?.remove();
  input.removeAttribute("aria-invalid");
  input.setAttribute("aria-describedby", `${input.id}-hint`);
}

function watchTyping(form) {
  const { name, key, as_typed: asTyped } = form.elements;
  // Captured: what is wrong must be known before page.js takes the form for sent.
  form.addEventListener("submit", (event) => {
    for (const input of [name, key]) clearFieldProblem(input);
    if (!name.value.trim()) {
      event.preventDefault();
      showFieldProblem(name, form.dataset.missing);
    } else if (looksMistyped(key.value.trim()) && !asTyped.checked) {
      event.preventDefault();
      form.querySelector("[data-as-typed]").hidden = false;
      showFieldProblem(key, form.dataset.mistake);
    }
  }, { capture: true });
}

const fragment = takeFragment();
addEventListener("hashchange", () => send(takeFragment()));
const form = document.querySelector("[data-typed-label]");
if (form) watchTyping(form);
send(fragment);
