// Holds what crossed the wire to Discord against schemas made from Discord's own OpenAPI description, which we did not
// write: every accepted request body and every answer. Used by playground tests and by tests of the Discord bot.
// The schemas are zod 4 ("zod/mini"); the repository's zod is 3.25, which carries zod 4 under "zod/v4-mini".

import { createRequire, registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { WireRecord } from '../../bots/playground/wire-log.ts';

interface Schema {
  safeParse(value: unknown): { readonly success: boolean; readonly error?: { readonly message: string } };
}

registerHooks({
  resolve: (specifier, context, next) => next(specifier === 'zod/mini' ? 'zod/v4-mini' : specifier, context),
});
// By path and through require: the package exports the schemas to bundlers only, and the test runner must not bundle
// them, or the hook above would not be asked.
const schemaFile = fileURLToPath(
  new URL('../../node_modules/discord-api-spec/build/discord-api-spec.zod.js', import.meta.url),
);
const schemas = createRequire(import.meta.url)(schemaFile) as Readonly<Record<string, Schema>>;

interface Rule {
  readonly route: RegExp;
  readonly request?: string;
  readonly response?: string;
  /** The answer is a list of `response`. */
  readonly isList?: boolean;
}

const RULES: readonly Rule[] = [
  { route: /^GET \/gateway\/bot$/, response: 'GatewayBotResponseSchema' },
  { route: /^GET \/users\/\d+$/, response: 'UserResponseSchema' },
  {
    route: /^POST \/channels\/\d+\/messages$/,
    request: 'MessageCreateRequestSchema',
    response: 'MessageResponseSchema',
  },
  {
    route: /^PATCH \/channels\/\d+\/messages\/\d+$/,
    request: 'MessageEditRequestPartialSchema',
    response: 'MessageResponseSchema',
  },
  { route: /^GET \/channels\/\d+\/messages\/\d+$/, response: 'MessageResponseSchema' },
  { route: /^GET \/channels\/\d+\/messages$/, response: 'MessageResponseSchema', isList: true },
  { route: /^POST \/channels\/\d+\/(messages\/\d+\/)?threads$/, response: 'ThreadResponseSchema' },
  {
    route: /^POST \/webhooks\/\d+\/[^/]+$/,
    request: 'IncomingWebhookInteractionRequestSchema',
    response: 'MessageResponseSchema',
  },
  {
    route: /^PATCH \/webhooks\/\d+\/[^/]+\/messages\/[^/]+$/,
    request: 'IncomingWebhookUpdateRequestPartialSchema',
    response: 'MessageResponseSchema',
  },
  {
    route: /^PUT \/applications\/\d+\/commands$/,
    response: 'ApplicationCommandResponseSchema',
    isList: true,
  },
  { route: /^GET \/guilds\/\d+$/, response: 'GuildResponseSchema' },
  { route: /^GET \/guilds\/\d+\/members\/\d+$/, response: 'GuildMemberResponseSchema' },
  { route: /^GET \/guilds\/\d+\/roles$/, response: 'GuildRoleResponseSchema', isList: true },
];

const CALLBACK_REQUESTS: Readonly<Record<number, string>> = {
  4: 'CreateMessageInteractionCallbackRequestSchema',
  5: 'CreateMessageInteractionCallbackRequestSchema',
  6: 'UpdateMessageInteractionCallbackRequestSchema',
  7: 'UpdateMessageInteractionCallbackRequestSchema',
  8: 'ApplicationCommandAutocompleteCallbackRequestSchema',
  9: 'ModalInteractionCallbackRequestSchema',
};

/** Whether Discord's own schema takes `value`; the complaint, or undefined. */
export function schemaComplaint(name: string, value: unknown): string | undefined {
  const schema = schemas[name];
  if (schema === undefined) throw new Error(`discord-api-spec has no ${name}`);
  const { success, error } = schema.safeParse(withZulu(value));
  return success ? undefined : error?.message;
}

/** Discord writes times as …+00:00, the schemas know only …Z. */
const withZulu = (value: unknown): unknown =>
  value === undefined
    ? undefined
    : JSON.parse(JSON.stringify(value).replaceAll(/(\d{2}:\d{2}:\d{2}\.\d+)\+00:00"/g, '$1Z"'));

/** Every accepted request and every answer that Discord's schemas would not take, one line each. */
export function discordWireComplaints(wire: readonly WireRecord[]): string[] {
  return wire
    .filter(({ platform, direction }) => platform === 'discord' && direction === 'in')
    .flatMap(complaintsOf);
}

function complaintsOf({ what, body, status, answer }: WireRecord): string[] {
  const path = what.replace('%40original', '@original');
  const found: string[] = [];
  const hold = (side: string, name: string | undefined, value: unknown) => {
    const complaint = name === undefined ? undefined : schemaComplaint(name, value);
    if (complaint !== undefined)
      found.push(`${path} ${side} is no ${name}: ${complaint}\n${JSON.stringify(value)}`);
  };
  // The description wants a `code` in every 429 (the documentation calls it optional) and numbers as the codes of form
  // errors (they are words): both are left out of the comparison.
  if (status === 429) hold('answer', 'RatelimitedResponseSchema', { code: 0, ...(answer as object) });
  else if (status >= 400) hold('answer', 'ErrorResponseSchema', { ...(answer as object), errors: undefined });
  if (status >= 400) return found;
  if (/^POST \/interactions\/\d+\/[^/]+\/callback$/.test(path)) {
    if (body && typeof body === 'object')
      hold('request', CALLBACK_REQUESTS[(body as { type: number }).type], body);
    if (answer !== null) hold('answer', 'InteractionCallbackResponseSchema', answer);
    return found;
  }
  const rule = RULES.find(({ route }) => route.test(path));
  if (rule === undefined) return found;
  if (body !== null && typeof body === 'object') hold('request', rule.request, body);
  if (rule.isList) for (const item of answer as unknown[]) hold('answer', rule.response, item);
  else hold('answer', rule.response, answer);
  return found;
}
