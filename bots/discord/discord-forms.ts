// Forms as Discord modals, and a submitted modal's values. Pure. Used by the responder and by inbound.
import {
  type APIModalInteractionResponseCallbackData,
  type APIModalSubmission,
  ComponentType,
  type ModalSubmitComponent,
  TextInputStyle,
} from 'discord.js';
import type { Form } from '../core/platform.ts';
import { shorten } from '../core/sanitize-text.ts';
import {
  INPUT_LABEL_CHARS_MAX,
  INPUT_PLACEHOLDER_CHARS_MAX,
  MODAL_TITLE_CHARS_MAX,
} from './discord-limits.ts';

export const renderModal = (form: Form): APIModalInteractionResponseCallbackData => ({
  custom_id: form.action,
  title: shorten(form.title, MODAL_TITLE_CHARS_MAX),
  components: form.fields.map((field) => ({
    type: ComponentType.Label,
    label: shorten(field.label, INPUT_LABEL_CHARS_MAX),
    component: {
      type: ComponentType.TextInput,
      custom_id: field.id,
      style: field.long ? TextInputStyle.Paragraph : TextInputStyle.Short,
      min_length: field.charsMin,
      max_length: field.charsMax,
      required: field.charsMin > 0,
      ...(field.placeholder === undefined
        ? {}
        : { placeholder: shorten(field.placeholder, INPUT_PLACEHOLDER_CHARS_MAX) }),
    },
  })),
});

/** Field id → typed text; both the label layout and the older rows of inputs are read. */
export function modalValues(components: APIModalSubmission['components']): Readonly<Record<string, string>> {
  const values: Record<string, string> = {};
  const take = (component: ModalSubmitComponent): void => {
    if ('value' in component && typeof component.value === 'string')
      values[component.custom_id] = component.value;
  };
  for (const component of components) {
    if ('component' in component) take(component.component);
    else if ('components' in component) component.components.forEach(take);
  }
  return values;
}
