// Which waiting calls are answered together: of one version, in order, never past a close, at most eight.
import { expect, it } from 'vitest';
import type { ToAttributeWorker } from '../../../engine/attribution/attribute-protocol.ts';
import { type AttributeCall, takeSameVersion } from '../../../engine/attribution/calls-together.ts';

function asked(call: number, version: string, storeDir = `${version}/store`): AttributeCall {
  return {
    type: 'attribute',
    call,
    request: { adapter: { id: version, dir: version }, storeDir, messages: [], answer: '' },
  };
}
const parts = (call: number): ToAttributeWorker => ({
  type: 'attributeParts',
  call,
  request: { ...asked(call, 'a').request, ranges: [] },
});
const callsOf = (messages: readonly ToAttributeWorker[]): readonly (number | string)[] =>
  messages.map((message) => ('call' in message ? message.call : message.type));

it('takes the calls of one version in order and leaves other versions, other stores and parts where they are', () => {
  const waiting = [asked(2, 'b'), asked(3, 'a'), parts(4), asked(5, 'a', 'another store'), asked(6, 'a')];
  expect(callsOf(takeSameVersion(waiting, asked(1, 'a')))).toEqual([3, 6]);
  expect(callsOf(waiting)).toEqual([2, 4, 5]);
});

it('takes seven beside the first', () => {
  const waiting: ToAttributeWorker[] = Array.from({ length: 20 }, (_, i) => asked(i + 2, 'a'));
  expect(callsOf(takeSameVersion(waiting, asked(1, 'a')))).toEqual([2, 3, 4, 5, 6, 7, 8]);
  expect(waiting).toHaveLength(13);
});

it('takes nothing that came after the end was asked for', () => {
  const waiting: ToAttributeWorker[] = [asked(2, 'a'), { type: 'close' }, asked(3, 'a')];
  expect(callsOf(takeSameVersion(waiting, asked(1, 'a')))).toEqual([2]);
  expect(callsOf(waiting)).toEqual(['close', 3]);
});
