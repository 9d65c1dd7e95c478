// Keeps the page of an import up to date while it runs. Without it the page is right when it is loaded.

const INTERVAL = 1500; // milliseconds; an import stores something every two seconds at most
const SLOWEST = 15000; // while the server does not answer

const page = document.querySelector("[data-progress]");
const find = (selector) => page.querySelector(selector);

function told({ counts, total }) {
  const words = total === null ? page.dataset.some : page.dataset.of;
  return words.replace("%(done)s", counts.done).replace("%(total)s", total);
}

function show(progress) {
  const state = find("[data-state]");
  state.textContent = progress.label;
  state.className = `badge badge-${progress.badge}`;
  for (const [name, count] of Object.entries(progress.counts)) {
    const figure = find(`[data-count="${name}"]`);
    if (figure) figure.textContent = count;
  }
  const bar = find("[data-bar]");
  if (progress.total !== null) {
    bar.max = Math.max(1, progress.total);
    bar.value = progress.counts.done;
  } else if (!progress.going) {
    bar.value = bar.max;
  }
  const words = told(progress);
  const line = find("[data-told]");
  if (line.textContent !== words) line.textContent = words;
  find("[data-error]").hidden = !progress.error;
  find("[data-error-text]").textContent = progress.error;
  addProblems(progress.problems);
  showActions(progress);
}

function addProblems(problems) {
  if (!problems.length) return;
  const section = find("[data-problems]");
  const body = section.querySelector("tbody");
  for (const [key, place, reason] of problems) {
    const row = body.insertRow();
    row.dataset.problem = key;
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = place;
    row.append(head);
    row.insertCell().textContent = reason;
  }
  section.hidden = false;
}

function showActions({ going, state }) {
  const shown = { going, stopped: state === "cancelled" || state === "failed", ended: !going };
  for (const action of page.querySelectorAll("[data-while]")) {
    action.hidden = !shown[action.dataset.while];
  }
}

function lastProblem() {
  const rows = page.querySelectorAll("[data-problem]");
  return rows.length ? rows[rows.length - 1].dataset.problem : "0";
}

async function follow(wait) {
  try {
    const answer = await fetch(`${page.dataset.progress}?after=${lastProblem()}`, {
      credentials: "same-origin",
      redirect: "error", // to the login: the page's own session has ended
    });
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    const progress = await answer.json();
    show(progress);
    if (!progress.going) return;
    wait = INTERVAL;
  } catch {
    wait = Math.min(wait * 2, SLOWEST);
  }
  setTimeout(() => follow(wait), wait);
}

follow(INTERVAL);
