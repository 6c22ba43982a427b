// Answers from another machine, everything else from this one; and folders as the other machine sees them.
import { describe, expect, it } from 'vitest';
import { folderOnServer, splitEngine } from '../../../engine/remote/split-engine.ts';
import { fakeEngine } from '../../support/fake-engine.ts';
import { scriptedBackend } from '../http/scripted-backend.ts';

describe('an engine of two halves', () => {
  it('generates, counts and loads there, evaluates and attributes here, and closes both', async () => {
    const closed: string[] = [];
    const local = fakeEngine({ contextTokens: 64 });
    const remote = scriptedBackend();
    const engine = splitEngine(
      { ...local, close: async () => void closed.push('local') },
      { ...remote, close: async () => void closed.push('remote') },
    );
    for await (const _ of engine.generate({
      messages: [],
      prompt: 'x',
      maxTokens: 2,
      sampling: { temperature: 0 },
    }));
    await engine.loadAdapter({ id: 'a', dir: '/a' });
    expect([remote.requests.length, remote.loaded, local.calls.generate]).toEqual([1, ['/a'], 0]);
    expect(engine.contextTokens).toBe(512);
    expect((await engine.evaluate({ items: [] })).total).toBe(0);
    expect(local.calls.evaluate).toBe(1);
    await engine.close();
    expect(closed).toEqual(['remote', 'local']);
  });
});

it.each([
  ['/data/.data', '/srv/models', '/data/.data/adapters/x', '/srv/models/adapters/x'],
  ['/data/.data/', '/srv/models/', '/data/.data/adapters/x', '/srv/models/adapters/x'],
  ['/data', '/srv', '/database/x', '/database/x'],
  ['/data', '/srv', '/data', '/data'],
])('with %s at %s there, %s is %s', (localRoot, serverRoot, dir, expected) => {
  expect(folderOnServer(localRoot, serverRoot)(dir)).toBe(expected);
});
