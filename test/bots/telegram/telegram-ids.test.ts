// Telegram's ids as strings and back, and forms asked question by question.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MessageRef } from '../../../bots/core/platform.ts';
import { plainText } from '../../../bots/core/rich-text.ts';
import { createTelegramForms, isFormPrompt } from '../../../bots/telegram/telegram-forms.ts';
import { conversationIdOf, messageOf, messageRefOf, placeOf } from '../../../bots/telegram/telegram-ids.ts';

const id = fc.maxSafeInteger();
const positive = fc.integer({ min: 1 });
const maybe = fc.option(positive, { nil: null });

describe('ids', () => {
  it('come back as they went', () => {
    fc.assert(
      fc.property(id, maybe, maybe, (chatId, threadId, userId) => {
        expect(placeOf(conversationIdOf({ chatId, threadId, userId }))).toEqual({
          chatId: chatId + 0,
          threadId,
          userId,
        });
      }),
    );
    fc.assert(
      fc.property(id, maybe, positive, maybe, (chatId, threadId, messageId, receiverId) => {
        expect(messageOf(messageRefOf({ chatId, threadId, messageId, receiverId }))).toEqual({
          chatId: chatId + 0,
          threadId,
          messageId,
          receiverId,
        });
      }),
    );
  });

  it('refuse what is not theirs', () => {
    expect(() => placeOf('abc')).toThrow(RangeError);
    expect(() => messageOf('c|1|2' as MessageRef)).toThrow(RangeError);
  });
});

describe('forms', () => {
  const form = {
    action: '1csatlas',
    title: 'Contribute',
    fields: [
      { id: 'question', label: 'A question', charsMin: 3, charsMax: 10 },
      { id: 'answer', label: 'Its answer', charsMin: 1, charsMax: 10 },
    ],
  };

  it('ask field by field, say what is wrong with a length, and give all values at the end', () => {
    const forms = createTelegramForms();
    const first = forms.begin('k', form);
    expect(isFormPrompt(plainText(first.text))).toBe(true);
    const again = forms.answer('k', 'x');
    expect(again?.kind === 'ask' && plainText(again.prompt.text)).toContain(
      'That has 1 characters. Please once more:\nA question',
    );
    const second = forms.answer('k', ' What? ');
    expect(second?.kind === 'ask' && plainText(second.prompt.text)).toContain('2 of 2\nIts answer');
    expect(forms.answer('k', 'That.')).toEqual({
      kind: 'done',
      action: '1csatlas',
      values: { question: 'What?', answer: 'That.' },
    });
    expect(forms.answer('k', 'more')).toBeNull();
  });

  it('keep people apart and can be cancelled once', () => {
    const forms = createTelegramForms();
    forms.begin('ada', form);
    expect(forms.answer('bo', 'text')).toBeNull();
    expect([forms.cancel('ada'), forms.cancel('ada')]).toEqual([true, false]);
    expect(forms.answer('ada', 'text')).toBeNull();
  });
});
