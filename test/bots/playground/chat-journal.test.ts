// Chats survive a killed process: lines are on disk when a call returns, a torn end is dropped, opening compacts.
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openChatJournal } from '../../../bots/playground/chat-journal.ts';
import { startPlayground } from '../../../bots/playground/playground-server.ts';
import { drivePlayground } from '../../support/playground-driver.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chat-journal-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('has every change on disk before the call returns, without being closed', () => {
  const path = join(folder, 'chats.jsonl');
  const shelf = openChatJournal(path).shelf<{ n: number }>('s');
  shelf.set('a', { n: 1 });
  shelf.set('b', { n: 2 });
  shelf.set('a', { n: 3 });
  shelf.delete('b');
  expect(openChatJournal(path).shelf('s').values()).toEqual([{ n: 3 }]);
});

it('drops a torn last line and rewrites 100 changes of one value as 1 line', () => {
  const path = join(folder, 'chats.jsonl');
  const shelf = openChatJournal(path).shelf<number>('s');
  for (let n = 0; n < 100; n += 1) shelf.set('a', n);
  appendFileSync(path, '["s","a",');
  expect(openChatJournal(path).shelf('s').get('a')).toBe(99);
  expect(readFileSync(path, 'utf8')).toBe('["s","a",99]\n');
});

it('keeps chats, unconfirmed updates and interaction tokens over a restart', async () => {
  const first = await startPlayground({ dataDir: folder });
  const driver = await drivePlayground(first.url);
  const eve = await driver.person('Eve');
  await eve.telegram.send('before');
  await eve.discord.message('in the channel');
  driver.close();
  await first.stop();

  const second = await startPlayground({ dataDir: folder });
  const again = await drivePlayground(second.url);
  const sameEve = await again.person('Eve');
  expect(sameEve.info).toEqual(eve.info);
  expect(sameEve.telegram.messages()).toBe('Eve: before');
  expect(sameEve.discord.messages()).toBe('Eve: in the channel');
  const updates = await fetch(`${second.telegramApiRoot}/bot${second.telegramToken}/getUpdates`);
  expect(await updates.json()).toMatchObject({ ok: true, result: [{ message: { text: 'before' } }] });
  again.close();
  await second.stop();
});

it('refuses requests that name another host or come from another site', async () => {
  const playground = await startPlayground();
  const ask = (headers: Record<string, string>) => fetch(`${playground.url}playground/people`, { headers });
  expect((await ask({})).status).toBe(200);
  expect((await ask({ origin: 'https://evil.example' })).status).toBe(403);
  const act = await fetch(`${playground.url}playground/people/ada/telegram/send`, {
    method: 'POST',
    body: 'text=hi',
  });
  expect(await act.json()).toEqual({ ok: false, error: 'json_expected' });
  await playground.stop();
});
