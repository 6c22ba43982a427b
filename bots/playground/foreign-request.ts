// Whether a request to a loopback server comes from somewhere else than its own page: another site must not reach in
// through the browser, not by name tricks, not by cross-origin calls. Used by playground-server.ts and the training page.

export function isForeign(host: string | undefined, origin: string | undefined): boolean {
  const name = (host ?? '').replace(/:\d+$/, '');
  if (name !== '127.0.0.1' && name !== 'localhost' && name !== '[::1]') return true;
  return origin !== undefined && origin !== `http://${host}`;
}
