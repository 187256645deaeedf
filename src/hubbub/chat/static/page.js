// The room page. What people wrote becomes text nodes only, never HTML.
//
// The hash of the address is the room one is in: following it (a shared link, Back, the form
// below) is the one way in and out.

import { Connection } from "./connection.js";

const KEEP_MESSAGES = 500;
// Longer without an answer to what was sent, and the connection is only believed to be open.
const ANSWER_WITHIN_MS = 10_000;

const $ = (id) => document.getElementById(id);
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

let room = "";
let me = "";
let here = [];
let connection = null;
let lastSpeaker = null;
/** Texts that were sent and did not come back to us yet, oldest first. */
const unanswered = [];
let answerTimer = 0;
/** Whether the log is at its end, and is to stay there. */
let atEnd = true;

// Which room.

function hashRoom() {
  try {
    return decodeURIComponent(location.hash.slice(1)).trim();
  } catch {
    return "";
  }
}

function follow() {
  const wanted = hashRoom();
  if (wanted && wanted === room) return;
  leave();
  $("pick-room").value = wanted || $("pick-room").value || "lobby";
  $("pick-name").value = remembered();
  if (wanted && $("enter").checkValidity()) {
    enter($("pick-room").value.trim(), $("pick-name").value.trim());
  } else {
    showDoor();
  }
}

function showDoor(refusal = "") {
  document.title = "hubbub";
  $("room").hidden = true;
  $("door").hidden = false;
  $("refusal").textContent = refusal;
  $("pick-name").select();
}

function enter(name, user) {
  room = name;
  me = user;
  lastSpeaker = null;
  $("log").replaceChildren($("empty"));
  $("empty").textContent = "Nothing said yet. To bring others in, give them this page’s address.";
  $("room-name").textContent = room;
  $("text").placeholder = `Message to ${room}`;
  document.title = `${room} · hubbub`;
  here = [];
  setText("problem", "");
  goToEnd();
  $("door").hidden = true;
  $("room").hidden = false;
  $("text").focus();

  const url = new URL(`talk/${encodeURIComponent(room)}`, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  url.searchParams.set("name", me);
  connection = new Connection(url, { onState: showState, onMessage: hear });
}

function leave() {
  connection?.close();
  connection = null;
  room = "";
  takeBack();
}

// What the server says.

function hear(message) {
  if (message.type === "welcome") {
    me = message.you;
    here = message.people;
    showPeople();
  } else if (message.type === "people") {
    here = message.people;
    showPeople();
  } else if (message.type === "message") {
    if (message.name === me) answered(message.text);
    showMessage(message);
  } else if (message.type === "error") {
    setText("problem", message.text);
    takeBack(1);
  }
}

// What we say.

function say() {
  const text = $("text").value.trim();
  if (!text || !connection?.send({ type: "message", text })) return;
  $("text").value = "";
  setText("problem", "");
  unanswered.push(text);
  if (unanswered.length === 1) awaitAnswer();
  goToEnd();
}

function awaitAnswer() {
  clearTimeout(answerTimer);
  if (unanswered.length) answerTimer = setTimeout(() => connection?.drop(), ANSWER_WITHIN_MS);
}

function answered(text) {
  const at = unanswered.indexOf(text);
  if (at >= 0) unanswered.splice(at, 1);
  awaitAnswer();
}

/** Put what nobody is known to have heard back in front of what is being typed. */
function takeBack(count = unanswered.length) {
  const texts = unanswered.splice(0, count);
  if (texts.length) $("text").value = [...texts, $("text").value].filter(Boolean).join("\n");
  awaitAnswer();
}

// What is shown.

function showState(state) {
  const { name, again } = state;
  const connected = name === "connected";
  const offline = !connected && !navigator.onLine;
  let text = connected ? "Connected" : "Connecting";
  if (name === "waiting" || (name === "connecting" && again)) text = "Reconnecting";
  if (offline) text = "Offline, reconnecting";
  setText("state-text", text);
  // Not read aloud: a voice that counts, or that tells of each attempt, is noise.
  setText("countdown", { connecting: "…", waiting: ` in ${state.seconds} s` }[name] ?? "");
  $("state").dataset.state = offline ? "offline" : name;
  if (connected && document.activeElement === $("retry")) $("text").focus();
  $("retry").hidden = text === "Connected" || text === "Connecting";
  showPeople(connected);
  $("send").setAttribute("aria-disabled", String(!connected));
  setText("kept", connected ? "" : "Not connected: what you write stays here until you can send it.");

  if (connected && again) note("Connected again. What was said in between is not shown here.");
  if (name === "waiting") takeBack();
  if (name === "closed") {
    leave();
    clearHash();
    showDoor(state.reason || "The server closed this connection.");
  }
}

function setText(id, text) {
  // Written only when it changes, because a live region may be read again when it does not.
  if ($(id).textContent !== text) $(id).textContent = text;
}

function showPeople(connected = true) {
  const verb = connected ? "" : "were ";
  $("people-title").textContent = here.length ? `${here.length} ${verb}here` : "";
  const sorted = [...here].sort((a, b) => a.localeCompare(b));
  $("people").replaceChildren(
    ...sorted.map((name) => {
      const item = element("li", "name", name);
      tint(item, name);
      if (name === me) item.append(element("span", "soft", " (you)"));
      return item;
    }),
  );
}

function showMessage({ name, text, at }) {
  const time = element("time", "soft", clock.format(at));
  time.dateTime = new Date(at).toISOString();
  const who = element("span", "name", name);
  tint(who, name);
  const by = element("p", "by");
  by.append(who, " ", time);
  // Said once to the eye; a screen reader hears each message with its name.
  if (name === lastSpeaker) by.classList.add("unseen");
  const message = element("div", name === lastSpeaker ? "message more" : "message");
  message.classList.toggle("own", name === me);
  message.append(by, element("p", "text", text));
  lastSpeaker = name;
  append(message);
}

function note(text) {
  lastSpeaker = null;
  append(element("p", "note soft", text));
}

function append(item) {
  const log = $("log");
  $("empty").textContent = "";
  log.append(item);
  // The first child is the empty room's text.
  while (log.children.length > KEEP_MESSAGES + 1) log.children[1].remove();
  if (atEnd) goToEnd();
  else $("latest").hidden = false;
}

function goToEnd() {
  $("log").scrollTop = $("log").scrollHeight;
  atEnd = true;
  $("latest").hidden = true;
}

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/** The same hue for a name wherever it stands; how light it is, is the style sheet's affair. */
function tint(item, name) {
  let hash = 7;
  for (const char of name) hash = (hash * 31 + char.codePointAt(0)) % 360;
  item.style.setProperty("--hue", hash);
}

// What is remembered. A browser may refuse storage; then nothing is.

function remembered() {
  try {
    return localStorage.getItem("hubbub.name") ?? "";
  } catch {
    return "";
  }
}

function remember(name) {
  try {
    localStorage.setItem("hubbub.name", name);
  } catch {
    // Asked again next time.
  }
}

function clearHash() {
  history.pushState(null, "", location.pathname + location.search);
}

// What the user does.

$("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  remember($("pick-name").value.trim());
  const wanted = $("pick-room").value.trim();
  if (hashRoom() === wanted) follow();
  else location.hash = encodeURIComponent(wanted);
});

$("compose").addEventListener("submit", (event) => {
  event.preventDefault();
  say();
  $("text").focus();
});

$("text").addEventListener("keydown", (event) => {
  // While a word is being composed (Japanese, Chinese), Enter chooses it.
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    say();
  }
});

$("leave").addEventListener("click", () => {
  clearHash();
  follow();
});

$("retry").addEventListener("click", () => {
  connection?.retry();
});

$("latest").addEventListener("click", () => {
  goToEnd();
  $("text").focus();
});

$("log").addEventListener("scroll", () => {
  const log = $("log");
  atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  if (atEnd) $("latest").hidden = true;
});

// A growing text field or a phone's keyboard takes from the log's height, at its end.
new ResizeObserver(() => atEnd && goToEnd()).observe($("log"));

addEventListener("hashchange", follow);
addEventListener("online", () => connection?.retry());
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) connection?.retry();
});

follow();
