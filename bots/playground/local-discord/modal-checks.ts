// Checks a modal a bot opens, and the answers a person gives in it. Used by discord-interactions.ts and
// discord-person.ts. Covers text inputs (in rows or labels), string selects, radio groups, checkbox groups,
// checkboxes and text displays; file upload and entity selects are refused, as the page cannot draw them.

import type { DiscordComponentView } from '../page/view-types.ts';
import { asObjects, checkChoices, flatten, PART } from './component-checks.ts';
import { collectProblems, type FormProblems } from './discord-faults.ts';
import type { Json } from './discord-shapes.ts';
import { DISCORD_LIMITS } from './local-discord-limits.ts';

interface CheckedModal {
  readonly custom_id: string;
  readonly title: string;
  readonly components: readonly DiscordComponentView[];
}

const IN_LABEL: readonly number[] = [
  PART.textInput,
  PART.stringSelect,
  PART.radioGroup,
  PART.checkboxGroup,
  PART.checkbox,
];

/** @throws 50035 with the paths under "data" */
export function checkModal(data: Json): CheckedModal {
  const problems = collectProblems();
  const required = (path: string, value: unknown, charsMax: number): string => {
    if (typeof value !== 'string' || value === '')
      problems.add(path, 'BASE_TYPE_REQUIRED', 'This field is required');
    else problems.tooLong(path, value, charsMax);
    return String(value ?? '');
  };
  const customId = required('data.custom_id', data.custom_id, DISCORD_LIMITS.customIdChars);
  const title = required('data.title', data.title, DISCORD_LIMITS.modalTitleChars);
  const parts = asObjects(data.components);
  if (parts.length < 1 || parts.length > DISCORD_LIMITS.modalParts) {
    problems.badLength('data.components', 1, DISCORD_LIMITS.modalParts);
  }
  const seen = new Set<unknown>();
  for (const [index, part] of parts.entries()) {
    const at = `data.components.${index}`;
    if (part.type === PART.text) {
      required(`${at}.content`, part.content, DISCORD_LIMITS.displayTextChars);
      continue;
    }
    const isRow = part.type === PART.row;
    if (!isRow && part.type !== PART.label) {
      problems.add(`${at}.type`, 'UNION_TYPE_CHOICES', 'Value of field "type" must be one of (1, 10, 18).');
      continue;
    }
    if (!isRow) required(`${at}.label`, part.label, DISCORD_LIMITS.modalLabelChars);
    const inner = isRow ? asObjects(part.components)[0] : (part.component as Json | undefined);
    const inside = isRow ? `${at}.components.0` : `${at}.component`;
    const allowed = isRow ? [PART.textInput] : IN_LABEL;
    if (inner === undefined || !allowed.includes(Number(inner.type) as never)) {
      problems.add(
        `${inside}.type`,
        'UNION_TYPE_CHOICES',
        `Value of field "type" must be one of (${allowed.join(', ')},).`,
      );
      continue;
    }
    const id = required(`${inside}.custom_id`, inner.custom_id, DISCORD_LIMITS.customIdChars);
    if (seen.has(id))
      problems.add(
        `${inside}.custom_id`,
        'COMPONENT_CUSTOM_ID_DUPLICATED',
        'Component custom id cannot be duplicated',
      );
    seen.add(id);
    if (isRow) required(`${inside}.label`, inner.label, DISCORD_LIMITS.modalLabelChars);
    checkInput(inner, inside, problems);
  }
  problems.check();
  return { custom_id: customId, title, components: parts as unknown as DiscordComponentView[] };
}

function checkInput(input: Json, at: string, problems: FormProblems): void {
  if (input.type === PART.stringSelect) {
    checkChoices(input.options, `${at}.options`, DISCORD_LIMITS.selectOptions, problems);
  }
  if (input.type === PART.radioGroup || input.type === PART.checkboxGroup) {
    checkChoices(input.options, `${at}.options`, DISCORD_LIMITS.modalChoices, problems);
  }
  if (input.type !== PART.textInput) return;
  if (input.style !== 1 && input.style !== 2)
    problems.add(`${at}.style`, 'BASE_TYPE_CHOICES', 'Value must be one of {1, 2}.');
  const inRange = (field: string, min: number) => {
    const value = input[field];
    if (value === undefined || value === null) return;
    if (!Number.isInteger(value) || Number(value) < min || Number(value) > DISCORD_LIMITS.modalInputChars) {
      problems.add(
        `${at}.${field}`,
        'NUMBER_TYPE_MAX',
        `int value should be between ${min} and ${DISCORD_LIMITS.modalInputChars}.`,
      );
    }
  };
  inRange('min_length', 0);
  inRange('max_length', 1);
  if (typeof input.placeholder === 'string')
    problems.tooLong(`${at}.placeholder`, input.placeholder, DISCORD_LIMITS.modalPlaceholderChars);
  if (typeof input.value === 'string')
    problems.tooLong(`${at}.value`, input.value, DISCORD_LIMITS.modalInputChars);
}

export type ModalAnswers = Readonly<Record<string, string | readonly string[] | boolean>>;

/** Which fields the app itself would refuse to submit, by custom id. */
export function modalRefusals(modal: CheckedModal, answers: ModalAnswers): Readonly<Record<string, string>> {
  const refusals: Record<string, string> = {};
  for (const input of flatten(modal.components as unknown as Json[])) {
    const id = input.custom_id;
    if (typeof id !== 'string') continue;
    const answer = answers[id];
    const isRequired = input.required !== false && input.type !== PART.checkbox;
    const isEmpty = answer === undefined || answer === '' || (Array.isArray(answer) && answer.length === 0);
    if (isEmpty) {
      if (isRequired) refusals[id] = 'This field is required.';
      continue;
    }
    if (input.type === PART.textInput) {
      const length = String(answer).length;
      const max = Number(input.max_length ?? DISCORD_LIMITS.modalInputChars);
      if (length > max) refusals[id] = `Must be ${max} or fewer in length.`;
      if (length < Number(input.min_length ?? 0))
        refusals[id] = `Must be at least ${String(input.min_length)} in length.`;
    }
    if (
      input.type === PART.stringSelect ||
      input.type === PART.radioGroup ||
      input.type === PART.checkboxGroup
    ) {
      const known = asObjects(input.options).map(({ value }) => value);
      if ([answer].flat().some((value) => !known.includes(value)))
        refusals[id] = 'Choose one of the options.';
    }
  }
  return refusals;
}

/** The `components` of a MODAL_SUBMIT event: the modal's tree with the answers in it. */
export function modalSubmission(modal: CheckedModal, answers: ModalAnswers): Json[] {
  let nextId = 0;
  const answered = (input: Json): Json => {
    nextId += 1;
    const base = { type: input.type, id: input.id ?? nextId, custom_id: input.custom_id };
    const answer = answers[String(input.custom_id)];
    if (input.type === PART.textInput) return { ...base, value: String(answer ?? '') };
    if (input.type === PART.radioGroup)
      return { ...base, value: answer === undefined ? null : String(answer) };
    if (input.type === PART.checkbox) return { ...base, value: answer === true };
    return { ...base, values: answer === undefined ? [] : [answer].flat().map(String) };
  };
  return (modal.components as unknown as Json[]).map((part): Json => {
    nextId += 1;
    const id = part.id ?? nextId;
    if (part.type === PART.row)
      return { type: PART.row, id, components: asObjects(part.components).map(answered) };
    if (part.type === PART.label)
      return { type: PART.label, id, component: answered(part.component as Json) };
    return { type: part.type, id };
  });
}
