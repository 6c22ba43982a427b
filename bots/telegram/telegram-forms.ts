// Forms asked question by question, because Telegram has no modals. Used by the platform (which offers it every text
// first) and the responder. In memory: after a restart a reply to an old prompt is recognised by its sign and told so,
// never taken for a question that costs money. States of a form: question 1 → … → question n → done | cancelled | expired.
import type { Form, FormField, RichText } from '../core/platform.ts';
import { bold, lines, rich, small } from '../core/rich-text.ts';
import { shorten } from '../core/sanitize-text.ts';
import { FORM_MS, PLACEHOLDER_CHARS_MAX } from './telegram-limits.ts';

const PROMPT_SIGN = '✍️';

export interface FormPrompt {
  readonly text: RichText;
  readonly placeholder: string;
}

type FormStep =
  | { readonly kind: 'ask'; readonly prompt: FormPrompt }
  | { readonly kind: 'done'; readonly action: string; readonly values: Readonly<Record<string, string>> };

export interface TelegramForms {
  /** Begins a form with this person in this place; an unfinished one is replaced. */
  begin(key: string, form: Form): FormPrompt;
  /** The answer to the open question; null when no form is open. */
  answer(key: string, text: string): FormStep | null;
  /** Ends the open form; false when there was none. */
  cancel(key: string): boolean;
}

interface OpenForm {
  readonly form: Form;
  readonly values: Readonly<Record<string, string>>;
  readonly until: number;
}

/** Whether this text is one of our prompts, also one of an earlier process. */
export const isFormPrompt = (text: string | undefined): boolean => text?.startsWith(PROMPT_SIGN) ?? false;

function promptFor(form: Form, field: FormField, problem: string | null): FormPrompt {
  const number = form.fields.indexOf(field) + 1;
  return {
    text: lines(
      rich(
        `${PROMPT_SIGN} `,
        bold(form.title),
        form.fields.length > 1 && ` · ${number} of ${form.fields.length}`,
      ),
      problem,
      field.label,
      small(`${field.charsMin} to ${field.charsMax} characters · /cancel ends this`),
    ),
    placeholder: shorten(field.placeholder ?? field.label, PLACEHOLDER_CHARS_MAX),
  };
}

export function createTelegramForms(): TelegramForms {
  const open = new Map<string, OpenForm>();
  const fieldOf = ({ form, values }: OpenForm): FormField | undefined =>
    form.fields.find(({ id }) => !(id in values));

  return {
    begin(key, form) {
      for (const [old, { until }] of open) if (until < Date.now()) open.delete(old);
      const [first] = form.fields;
      if (first === undefined) throw new RangeError('A form without fields.');
      open.set(key, { form, values: {}, until: Date.now() + FORM_MS });
      return promptFor(form, first, null);
    },
    answer(key, text) {
      const current = open.get(key);
      const field = current && fieldOf(current);
      if (current === undefined || field === undefined || current.until < Date.now()) {
        open.delete(key);
        return null;
      }
      const { form } = current;
      const value = text.trim();
      if (value.length < field.charsMin || value.length > field.charsMax) {
        const problem = `That has ${value.length.toLocaleString('en')} characters. Please once more:`;
        return { kind: 'ask', prompt: promptFor(form, field, problem) };
      }
      const next: OpenForm = {
        form,
        values: { ...current.values, [field.id]: value },
        until: Date.now() + FORM_MS,
      };
      const nextField = fieldOf(next);
      if (nextField !== undefined) {
        open.set(key, next);
        return { kind: 'ask', prompt: promptFor(form, nextField, null) };
      }
      open.delete(key);
      return { kind: 'done', action: form.action, values: next.values };
    },
    cancel: (key) => open.delete(key),
  };
}
