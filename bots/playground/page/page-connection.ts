// The page's line to its server: the live feed of the chosen person (reconnecting), and the acts sent over HTTP.
// Used by page-main.ts and the panes. Knows no elements.

import { nextView } from './view-state.ts';
import type { NoticeView, PersonView, Snapshot, ViewEvent } from './view-types.ts';

export interface ActAnswer {
  readonly ok: boolean;
  readonly error?: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly choices?: readonly { readonly name: string; readonly value: string | number }[];
}

export interface PageConnection {
  /** Follows another person from now on. */
  become(personId: string): void;
  act(path: string, body: object): Promise<ActAnswer>;
  addPerson(name: string): Promise<PersonView | undefined>;
}

export interface ConnectionListener {
  onView(view: Snapshot): void;
  onNotice(notice: NoticeView): void;
  onAnswered(platform: 'telegram' | 'discord'): void;
  onConnected(connected: boolean): void;
}

const RETRY_MS = 1000;

export function connectPage(listener: ConnectionListener): PageConnection {
  let personId = '';
  let socket: WebSocket | undefined;
  let view: Snapshot | undefined;
  let drawPlanned = false;

  // Many events may come in one frame while a bot streams; the view is drawn once per frame.
  const plan = () => {
    if (drawPlanned) return;
    drawPlanned = true;
    const draw = () => {
      drawPlanned = false;
      if (view) listener.onView(view);
    };
    if (document.hidden) setTimeout(draw, 50);
    else requestAnimationFrame(draw);
  };
  const open = () => {
    const mine = new WebSocket(
      `${location.origin.replace('http', 'ws')}/playground/live?person=${encodeURIComponent(personId)}`,
    );
    socket = mine;
    mine.addEventListener('open', () => listener.onConnected(true));
    mine.addEventListener('message', (message) => {
      if (socket !== mine) return;
      const event = JSON.parse(String(message.data)) as ViewEvent;
      if (event.kind === 'notice') listener.onNotice(event.notice);
      if (event.kind === 'answered') listener.onAnswered(event.platform);
      view = nextView(view, event);
      plan();
    });
    mine.addEventListener('close', () => {
      if (socket !== mine) return;
      listener.onConnected(false);
      setTimeout(() => {
        if (socket === mine) open();
      }, RETRY_MS);
    });
  };
  const post = async (path: string, body: object): Promise<Record<string, unknown>> => {
    try {
      const response = await fetch(`/playground${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return (await response.json()) as Record<string, unknown>;
    } catch {
      return { ok: false, error: 'not_connected' };
    }
  };

  return {
    become(id) {
      if (id === personId) return;
      personId = id;
      view = undefined;
      socket?.close();
      open();
    },
    act: async (path, body) =>
      (await post(`/people/${encodeURIComponent(personId)}/${path}`, body)) as unknown as ActAnswer,
    addPerson: async (name) => (await post('/people', { name })).person as PersonView | undefined,
  };
}
