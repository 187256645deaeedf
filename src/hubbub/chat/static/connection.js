// How the page stays connected. No DOM in here: page.js shows what it is told.

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;
// A handshake that hangs (a server that is stopped, a network that swallows) is a failed one.
const OPEN_WITHIN_MS = 10_000;
// A server that takes us and drops us again is not back: until then the waits keep growing.
const STEADY_AFTER_MS = 5_000;

const LOST = 1006;
const RESTART = 1012;

/**
 * Milliseconds to wait before the attempt after `attempt` failed ones. Full jitter: anywhere
 * from none to the whole, so that a thousand pages do not come back in the same moment.
 */
export function waitBefore(attempt, random = Math.random) {
  return random() * Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt);
}

/** Whether a close code means "do not come back". */
export function isFinal(code) {
  return (code >= 3500 && code <= 3999) || (code >= 4500 && code <= 4999);
}

/**
 * A WebSocket that comes back, speaking JSON.
 *
 * `onState` gets one of
 *   {name: "connecting", again}     again: it was connected or tried before
 *   {name: "connected", again}      again: what was said in between is missed
 *   {name: "waiting", seconds}      and once a second, until the next attempt
 *   {name: "closed", reason}        for good
 * and `onMessage` each message.
 */
export class Connection {
  #url;
  #onState;
  #onMessage;
  #socket = null;
  #timer = 0;
  #failed = 0;
  #again = false;
  #openedAt = Infinity;
  #waiting = false;

  constructor(url, { onState, onMessage }) {
    this.#url = url;
    this.#onState = onState;
    this.#onMessage = onMessage;
    this.#connect();
  }

  /** Send now, or return false: nothing is queued here. */
  send(value) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(value));
    return true;
  }

  /** End a wait early: the user asked, or the network is back. */
  retry() {
    if (this.#waiting) this.#connect();
  }

  /** Give up a socket that looks open and answers nothing. */
  drop() {
    if (this.#socket) this.#lost(LOST, "");
  }

  close() {
    this.#forget();
  }

  #connect() {
    this.#forget();
    this.#onState({ name: "connecting", again: this.#again });
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#lost(LOST, ""), OPEN_WITHIN_MS);
    socket.onopen = () => {
      clearTimeout(this.#timer);
      this.#openedAt = performance.now();
      this.#onState({ name: "connected", again: this.#again });
      this.#again = true;
    };
    socket.onmessage = ({ data }) => {
      const message = parse(data);
      if (message) this.#onMessage(message);
    };
    socket.onclose = ({ code, reason }) => this.#lost(code, reason);
  }

  #lost(code, reason) {
    const steady = performance.now() - this.#openedAt > STEADY_AFTER_MS;
    this.#forget();
    this.#again = true;
    if (isFinal(code)) {
      this.#onState({ name: "closed", reason });
      return;
    }
    // A restart was announced: the server means to be back at once.
    if (steady || code === RESTART) this.#failed = 0;
    this.#waiting = true;
    this.#countDown(performance.now() + waitBefore(this.#failed));
    this.#failed += 1;
  }

  #countDown(end) {
    const left = end - performance.now();
    if (left <= 0) {
      this.#connect();
      return;
    }
    this.#onState({ name: "waiting", seconds: Math.ceil(left / 1000) });
    this.#timer = setTimeout(() => this.#countDown(end), Math.min(left, 1000));
  }

  /** Nothing of the old socket or wait is heard of again. */
  #forget() {
    clearTimeout(this.#timer);
    this.#waiting = false;
    this.#openedAt = Infinity;
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
  }
}

// Whoever is in the room by the plain text door may say what is no JSON.
function parse(data) {
  try {
    return JSON.parse(data);
  } catch {
    return null;
  }
}
