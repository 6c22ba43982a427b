// Our replies as Telegram payloads: what is a link and what is letters.
import { expect, it } from 'vitest';
import { renderText } from '../../../bots/telegram/telegram-render.ts';

it('links our own pages to the letter, at their place in the text', () => {
  const url = 'http://127.0.0.1:8137/wallet#0a@1b';
  const { text, entities } = renderText([
    { kind: 'plain', text: 'Open 🙂 ' },
    { kind: 'link', text: url },
  ]);
  expect(text).toBe(`Open 🙂 ${url}`);
  expect(entities).toEqual([{ type: 'text_link', offset: 8, length: url.length, url }]);
});
