// The page's behaviour: asks for suggestions, shows them, copies the chosen one and reports the choice.

import { forget, request, takeTokenFromAddress, unlocked, unlockWith } from "/page/connection.js";
import { make, meter, note, sentence, share, told, words } from "/page/elements.js";

const $ = (id) => document.getElementById(id);
const POLL_MS = 350;
const TRY = ["Want to grab lunch tomorrow?", "I got the job!!", "can you pick me up at 6", "lol ok"];

const ROUTES = {
  TEMPLATE: ["Ready", "You have answered messages like this before."],
  GENERATE: ["Unsure", "These come close; a person should choose."],
};
const SOURCES = { template: "a pattern of yours", history: "from your history", generated: "drafted now" };
const SIGNALS = {
  dialogue_act: "What they do", intent: "What they want", needs_context: "On its own", skip: "Asks for a reply",
  relationship: "Relationship", message_count: "Messages with them", topic: "Topic",
  top_score: "Nearest message you answered", guard: "Leak guard",
};
const SKIPS = {
  "low confidence": ["Nothing good enough", "No reply of yours is likely enough to fit, so JARVIS stays silent."],
  "nothing that may be offered": ["Nothing to offer", "No reply of yours may be shown to this person yet."],
  "needs context": ["Out of context", "This cannot be answered without what came before it. Add the earlier messages."],
  "a reply is optional in a group": ["No reply needed", "In a group, somebody else may answer this."],
  "needs no response": ["No reply needed", "This message closes the matter."],
};

let coldStart = 10;         // messages with a person below which JARVIS hardly knows them; /health says it
let contacts = new Map();  // what is shown in the picker → what the API is told
let current = null;        // the suggestion on show
let asked = 0;             // rises with every question, so that late answers to older ones are ignored

function say(text) { $("said").textContent = text; }

// ---- the server -----------------------------------------------------------------------------------------------------

async function ask(path, body) {
  try {
    return await request(path, body);
  } catch (problem) {
    if (problem.status === 0) server("down", "Not running");
    if (problem.status === 401) lock(problem.message);
    throw problem;
  }
}

function server(state, text) {
  $("server").className = `server ${state}`;
  $("server-text").textContent = text;
}

// A release's name begins with the UTC time of its making.
function released(name) {
  const made = name.match(/^\D*(\d{4})(\d\d)(\d\d)\D?(\d\d)(\d\d)/)?.slice(1).map(Number);
  if (!made) return `Release ${name}`;
  const when = new Date(Date.UTC(made[0], made[1] - 1, ...made.slice(2)));
  return `Release of ${when.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" })}`;
}

// ---- unlocking ------------------------------------------------------------------------------------------------------

function lock(problem) {
  const had = unlocked();
  forget();
  server("", "Locked");
  $("desk").hidden = true;
  $("unlock").hidden = false;
  $("unlock-problem").hidden = !(had && problem);
  $("unlock-problem").textContent = problem ?? "";
  $("token").focus();
}

async function enter() {
  if (!unlocked()) return lock();
  try {
    const { answer: health } = await ask("/health");
    server("up", released(health.release));
    $("server").title = health.release;
    current = null;
    $("unlock").hidden = true;
    $("desk").hidden = false;
    coldStart = health.cold_start_messages ?? coldStart;
    showEmpty();
    $("message").focus();
    const { answer } = await ask("/conversations");
    fillContacts(answer.conversations ?? []);
  } catch (problem) {
    if (problem.status !== 401) {
      $("unlock").hidden = true;
      $("desk").hidden = false;
      showError(problem);
    }
  }
  return undefined;
}

function fillContacts(conversations) {
  contacts = new Map();
  $("people").replaceChildren();
  for (const { is_group: isGroup, person_id: id, display_name: name, handles, message_count: count } of conversations) {
    if (isGroup) continue;
    const known = name ?? handles[0] ?? id;
    const shown = contacts.has(known) ? `${known} (${handles[0] ?? id})` : known;
    contacts.set(shown, id);
    $("people").append(make("option", { value: shown, label: `${shown} · ${count.toLocaleString()} messages` }));
  }
}

// ---- asking ---------------------------------------------------------------------------------------------------------

function earlier() {
  const lines = $("history").value.split("\n").map((line) => line.trim()).filter(Boolean);
  if (!lines.length) return undefined;
  return lines.slice(-50).map((line) => {
    const [, speaker, text] = line.match(/^(me|them)\s*:\s*(.+)$/i) ?? [null, "them", line];
    return { text, is_from_me: speaker.toLowerCase() === "me" };
  });
}

async function suggest(event) {
  event?.preventDefault();
  const message = $("message").value.trim();
  if (!message) return $("message").focus();
  const who = $("contact").value.trim();
  const mine = ++asked;
  $("answer").setAttribute("aria-busy", "true");
  $("suggest").disabled = true;
  const began = performance.now();
  try {
    const { answer, timing } = await ask("/drafts/smart-reply", {
      message, contact: who ? contacts.get(who) ?? who : null, is_group: $("group").checked, history: earlier(),
    });
    if (mine === asked) show(message, answer, Number(timing?.match(/dur=([\d.]+)/)?.[1]), performance.now() - began);
  } catch (problem) {
    if (mine === asked) showError(problem);
  } finally {
    if (mine === asked) {
      $("answer").setAttribute("aria-busy", "false");
      $("suggest").disabled = false;
    }
  }
  return undefined;
}

// ---- showing --------------------------------------------------------------------------------------------------------

function showEmpty() {
  $("why").hidden = true;
  $("answer").replaceChildren(make("div", { class: "empty" }, make("p", {}, "Type what somebody wrote to you, or try"),
    make("ul", {}, ...TRY.map((text) => make("li", {}, make("button", {
      type: "button", onclick: () => { $("message").value = text; suggest(); },
    }, text))))));
}

function showError(problem) {
  $("why").hidden = true;
  $("answer").replaceChildren(note("error", "That did not work", problem.message));
}

function show(message, answer, milliseconds, roundTrip) {
  current = { ...answer, feedbackId: answer.suggestion_id ?? answer.id, judged: new Set() };
  const options = answer.options ?? [];
  const [title, text] = ROUTES[answer.route] ?? [answer.route, ""];
  const parts = [make("p", { class: message.length > 600 ? "incoming long" : "incoming" }, message)];
  const cold = answer.route === "COLD_START";
  const skip = answer.route === "SKIP";
  if (skip) {
    const [silent, because] = SKIPS[answer.reason] ?? ["No suggestion", sentence(answer.reason)];
    parts.push(note("skip", silent, because));
  } else if (cold) {
    const bar = share(make("i"), answer.message_count / coldStart);
    parts.push(note("cold", "JARVIS hardly knows this person", options.length
      ? "So here is only what you say to many people." : "It learns how you two write from the first messages on.",
      make("div", { class: "count" }, bar, make("span", {}, `${answer.message_count} of ${coldStart} messages`))));
  } else {
    parts.push(verdict(answer.route, title, answer.reason ? sentence(answer.reason) : text, answer.route_confidence));
  }
  const list = make("ol", { class: "options" }, ...options.map((option, index) => showOption(option, index)));
  parts.push(list);
  if (options.length) {
    parts.push(make("button", { type: "button", class: "quiet none", onclick: dismiss }, "None of these"));
  }
  $("answer").replaceChildren(...parts);
  showWhy(answer, milliseconds, roundTrip);
  if (answer.status === "generating" && (answer.draft_id ?? answer.id)) follow(answer.draft_id ?? answer.id, list);
}

function verdict(route, title, text, confidence) {
  return make("p", { class: "verdict" }, make("span", { class: `route ${route}` }, title.toUpperCase()),
    make("span", {}, text), confidence > 0 ? meter(confidence, "How sure JARVIS is of this route") : null);
}

function showOption(option, index, draft = false) {
  const bubble = make("button", { type: "button", class: "bubble", title: "Copy", onclick: () => copy(item, option.text, index) }, option.text);
  const about = make("div", { class: "about" },
    make("span", { class: "type" }, words(option.response_type ?? "draft")),
    make("span", {}, SOURCES[option.source] ?? option.source ?? ""),
    evidence(option.evidence),
    option.confidence > 0 ? meter(option.confidence, "How often such a reply was right on messages kept aside") : null,
    draft ? null : make("span", { class: "number", "aria-hidden": "true" }, String(index + 1)),
    make("button", { type: "button", class: "quiet", onclick: () => edit(item, bubble, option.text, index), "aria-label": `Edit: ${option.text}` }, "Edit"));
  const item = make("li", { class: draft ? "option draft" : "option" }, bubble, about);
  return item;
}

function evidence(found) {
  const { uses, people, allowed } = found ?? {};
  if (!uses) return null;
  const often = uses === 1 ? "used once" : `used ${uses.toLocaleString()} times`;
  return make("span", { title: allowed && `Leak guard: ${allowed}` }, people > 1 ? `${often} with ${people} people` : often);
}

function showWhy(answer, milliseconds, roundTrip) {
  const rows = Object.entries(answer.signals ?? {})
    .map(([name, value]) => [SIGNALS[name] ?? sentence(words(name)).slice(0, -1), name === "guard" ? guarded(value) : told(value)])
    .filter(([, value]) => value !== "");
  const list = make("dl", {}, ...rows.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
  const clock = make("p", { class: "latency" }, ...(Number.isFinite(milliseconds)
    ? [make("b", {}, `${milliseconds.toFixed(1)} ms`), ` to decide, ${Math.round(roundTrip)} ms to this page`]
    : [make("b", {}, `${Math.round(roundTrip)} ms`), " to this page"]));
  $("why").replaceChildren(make("h2", {}, "Why"), list, clock);
  $("why").hidden = false;
}

function guarded({ may_offer: open, withheld, min_people: people }) {
  return `${open.toLocaleString()} of your replies may be shown here; ${withheld.toLocaleString()} are held back: `
    + `not used with this person, nor plainly with ${people} people`;
}

async function follow(id, list) {
  const mine = asked;
  const dots = make("span", { class: "typing" }, make("b"), make("b"), make("b"));
  const waiting = make("li", { class: "option draft" }, make("div", { class: "bubble" }, make("span", { class: "unseen" }, "A draft is being written"), dots),
    make("div", { class: "about" }, "your language model is writing"));
  list.append(waiting);
  for (;;) {
    await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
    if (mine !== asked) return;
    let answer;
    try { ({ answer } = await ask(`/drafts/${encodeURIComponent(id)}`)); } catch (problem) { answer = { status: "failed", reason: problem.message }; }
    if (mine !== asked) return;
    if (answer.status === "generating") continue;
    if (answer.status === "complete") {
      waiting.replaceWith(showOption({ text: answer.suggestion, source: "generated" }, -1, true));
      say("A draft has been written.");
    } else {
      waiting.replaceChildren(make("div", { class: "about" }, `No draft: ${answer.reason ?? answer.status}`));
    }
    return;
  }
}

// ---- choosing -------------------------------------------------------------------------------------------------------

async function copy(item, text, index, action = "sent") {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = make("textarea", { class: "unseen" });
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  for (const each of document.querySelectorAll(".copied")) each.classList.remove("copied");
  item.classList.add("copied");
  say("Copied.");
  judge(action, index);
}

function edit(item, bubble, text, index) {
  if (item.querySelector(".editing")) return;
  const field = make("textarea", { class: "editing", rows: 2, "aria-label": "Your wording" });
  field.value = text;
  const done = () => {
    const changed = field.value.trim();
    if (changed) {
      bubble.textContent = changed;
      copy(item, changed, index, changed === text ? "sent" : "edited");
    }
    field.replaceWith(bubble);
    bubble.focus();
  };
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); done(); }
    if (event.key === "Escape") { event.stopPropagation(); field.replaceWith(bubble); bubble.focus(); }
  });
  bubble.replaceWith(field);
  field.focus();
  field.setSelectionRange(field.value.length, field.value.length);
}

function dismiss() {
  judge("dismissed", -1);
  $("message").value = "";
  showEmpty();
  $("message").focus();
  say("Dismissed.");
}

async function judge(action, option) {
  const { feedbackId, judged } = current ?? {};
  if (!feedbackId || judged.has(`${action} ${option}`)) return;
  judged.add(`${action} ${option}`);
  try {
    await ask(`/drafts/${encodeURIComponent(feedbackId)}/feedback`, { action, option });
  } catch (problem) {
    say(`The choice could not be noted: ${problem.message}`);
  }
}

// ---- keys and start -------------------------------------------------------------------------------------------------

$("ask").addEventListener("submit", suggest);
$("message").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) suggest(event);
});
$("unlock-form").addEventListener("submit", (event) => {
  event.preventDefault();
  unlockWith($("token").value);
  $("token").value = "";
  enter();
});
document.addEventListener("keydown", (event) => {
  const writing = event.target.matches?.("input, textarea");
  const digit = event.code.match(/^(?:Digit|Numpad)([1-3])$/)?.[1];
  if (digit && !event.ctrlKey && !event.metaKey && (event.altKey || !writing)) {
    const bubble = document.querySelectorAll(".option:not(.draft) button.bubble")[digit - 1];
    if (bubble) { event.preventDefault(); bubble.click(); bubble.focus(); }
  } else if (event.key === "/" && !writing) {
    event.preventDefault();
    $("message").focus();
  } else if (event.key === "Escape" && event.target === $("message")) {
    $("message").value = "";
    showEmpty();
  }
});

window.addEventListener("hashchange", () => { takeTokenFromAddress(); enter(); });
takeTokenFromAddress();
enter();
