// Which page is shown, by the address: /, /run/<id>, /compare?runs=a,b, /alerts. The query holds the whole view, so that
// a link reproduces it.

export interface PageLocation {
  /** "/", "/run/<id>" (the id decoded is in `id`), "/compare", "/alerts". */
  path: string;
  /** The run's id on /run/<id>, else null. */
  id: string | null;
  params: URLSearchParams;
}

/** Fills `root`; what it returns takes everything down again (sockets, timers, listeners). */
export type Mount = (root: HTMLElement, location: PageLocation) => () => void;

export interface Routes {
  runs: Mount;
  run: Mount;
  compare: Mount;
  alerts: Mount;
}

let routes: Routes | null = null;
let outlet: HTMLElement | null = null;
let dispose: (() => void) | null = null;
const watchers = new Set<(location: PageLocation) => void>();

export function here(): PageLocation {
  const { pathname, search } = window.location;
  const run = /^\/run\/([^/]+)\/?$/.exec(pathname);
  return { path: pathname, id: run?.[1] === undefined ? null : decoded(run[1]), params: new URLSearchParams(search) };
}

/** Shows the page of the present address in `root`, and follows links and the back button from now on. */
export function startRouter(root: HTMLElement, pages: Routes): void {
  outlet = root;
  routes = pages;
  window.addEventListener("popstate", show);
  document.addEventListener("click", followLink);
  show();
}

/** Goes to a page of ours: `navigate("/compare?runs=a,b")`. */
export function navigate(path: string): void {
  window.history.pushState(null, "", path);
  show();
  window.scrollTo(0, 0);
}

/** Rewrites the query of the present address without a new page or a step in the history. */
export function replaceParams(params: URLSearchParams): void {
  const query = readable(params);
  window.history.replaceState(null, "", window.location.pathname + (query ? `?${query}` : ""));
  const location = here();
  for (const watcher of watchers) watcher(location);
}

/** Called at each change of the address; returns the way to stop that. */
export function onLocation(watcher: (location: PageLocation) => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

export function runPath(id: string): string {
  return `/run/${encodeURIComponent(id)}`;
}

export function comparePath(ids: readonly string[]): string {
  return `/compare?runs=${ids.map(encodeURIComponent).join(",")}`;
}

/** The ids in ?runs=a,b. */
export function runsOf(params: URLSearchParams): string[] {
  return (params.get("runs") ?? "").split(",").filter((id) => id !== "");
}

function show(): void {
  if (!outlet || !routes) return;
  dispose?.();
  dispose = null;
  outlet.replaceChildren();
  const location = here();
  for (const watcher of watchers) watcher(location);
  dispose = pageOf(location, routes)(outlet, location);
}

function pageOf(location: PageLocation, pages: Routes): Mount {
  if (location.id !== null) return pages.run;
  if (/^\/compare\/?$/.test(location.path)) return pages.compare;
  if (/^\/alerts\/?$/.test(location.path)) return pages.alerts;
  return pages.runs;
}

/** A plain click on a link of ours changes the page without loading it anew; with a modifier key the browser decides. */
function followLink(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (!link || link.target || link.hasAttribute("download") || link.origin !== window.location.origin) return;
  if (link.pathname.startsWith("/api/") || link.getAttribute("href")?.startsWith("#")) return;
  event.preventDefault();
  navigate(link.pathname + link.search);
}

/** Commas, colons and slashes are legal in a query and read better than %2C. */
function readable(params: URLSearchParams): string {
  return params.toString().replaceAll("%2C", ",").replaceAll("%3A", ":").replaceAll("%2F", "/");
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray % in the address: no such run, and the page says so
  }
}
