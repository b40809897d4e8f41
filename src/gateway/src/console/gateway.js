// Talks to the gateway's admin API: asks, acts, listens. It knows no view.

const BASE = "/admin/v1/";
const PATIENCE_MS = 8000;

/** A no of the gateway, as its problem document says it. */
export class Problem extends Error {
  constructor(status, document) {
    super(document.detail ?? document.title ?? String(status));
    this.status = status;
    this.title = document.title ?? String(status);
    this.detail = document.detail;
    this.code = String(document.type ?? "").split(/[/:]/).pop();
  }
}

/** What the gateway says at `path`; parameters without value are left out. */
export function ask(path, parameters = {}) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value));
  return call(path + (query.size ? `?${query}` : ""), {});
}

/** Has the gateway act, or, with `preview`, say what it would do. */
export const act = (path, body, method = "POST") =>
  call(path, { method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

async function call(path, request) {
  const answer = await fetch(BASE + path, { ...request, cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
  if (answer.ok) return answer.json();
  throw new Problem(answer.status, await answer.json().catch(() => ({})));
}

/** Calls `happened` for whatever the gateway tells, and `state` with whether it can tell. */
export function listen(happened, state) {
  const source = new EventSource(`${BASE}events`);
  source.onopen = () => state(true);
  source.onerror = () => {
    state(false);
    // A browser gives up for good when it is answered otherwise than by a stream. The gateway may be starting.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => listen(happened, state), PATIENCE_MS);
  };
  for (const name of ["transfer", "destination", "trouble", "ledger"]) source.addEventListener(name, happened);
}
