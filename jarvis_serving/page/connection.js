// The connection to JARVIS: requests on the page's own origin, with the token of this tab.
// The token lives in sessionStorage, and nowhere else.

const TOKEN = "jarvis-token";

export const unlocked = () => Boolean(sessionStorage.getItem(TOKEN));
export const forget = () => sessionStorage.removeItem(TOKEN);

// The whole address is as good as its token: people paste what they have.
export const unlockWith = (given) => sessionStorage.setItem(TOKEN, given.trim().split("#token=").pop());

export function takeTokenFromAddress() {
  const found = location.hash.match(/^#token=([\w-]+)$/)?.[1];
  if (!found) return;
  unlockWith(found);
  window.history.replaceState(null, "", location.pathname);  // Out of the address bar and of the browser's history.
}

export class Problem extends Error {
  constructor(status, text) { super(text); this.status = status; }
}

// What the API answers, as { answer, timing }; throws a Problem. Status 0: nobody is listening.
export async function request(path, body) {
  let response;
  try {
    response = await fetch(path, {
      method: body ? "POST" : "GET",
      headers: { Authorization: `Bearer ${sessionStorage.getItem(TOKEN) ?? ""}`, ...(body && { "Content-Type": "application/json" }) },
      body: body && JSON.stringify(body),
    });
  } catch {
    throw new Problem(0, "JARVIS does not answer. Start it again with `jarvis serve`, then reload this page.");
  }
  let answer = {};
  try { answer = await response.json(); } catch { /* an answer without JSON has only its status */ }
  if (response.ok) return { answer, timing: response.headers.get("Server-Timing") };
  throw new Problem(response.status, answer.error ?? `JARVIS answered with status ${response.status}.`);
}
