// The refusals of the local Discord server with the real codes and sentences
// (https://discord.com/developers/docs/topics/opcodes-and-status-codes). Thrown anywhere below, turned into JSON by
// discord-server.ts; nothing else spells a code. Form errors are collected by path and nested as Discord nests them.

export class DiscordFault extends Error {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  constructor(status: number, body: Readonly<Record<string, unknown>>) {
    super(String(body.message));
    this.status = status;
    this.body = body;
  }
}

const fault = (status: number, code: number, message: string) => () =>
  new DiscordFault(status, { message, code });

export const discordFaults = {
  unauthorized: fault(401, 0, '401: Unauthorized'),
  notFound: fault(404, 0, '404: Not Found'),
  methodNotAllowed: fault(405, 0, '405: Method Not Allowed'),
  unknownChannel: fault(404, 10003, 'Unknown Channel'),
  unknownGuild: fault(404, 10004, 'Unknown Guild'),
  unknownMember: fault(404, 10007, 'Unknown Member'),
  unknownMessage: fault(404, 10008, 'Unknown Message'),
  unknownUser: fault(404, 10013, 'Unknown User'),
  unknownWebhook: fault(404, 10015, 'Unknown Webhook'),
  unknownInteraction: fault(404, 10062, 'Unknown interaction'),
  unknownCommand: fault(404, 10063, 'Unknown application command'),
  alreadyAcknowledged: fault(400, 40060, 'Interaction has already been acknowledged.'),
  missingAccess: fault(403, 50001, 'Missing Access'),
  foreignMessage: fault(403, 50005, 'Cannot edit a message authored by another user'),
  emptyMessage: fault(400, 50006, 'Cannot send an empty message'),
  missingPermissions: fault(403, 50013, 'Missing Permissions'),
  invalidToken: fault(401, 50027, 'Invalid Webhook Token'),
  archivedThread: fault(400, 50083, 'Thread is archived'),
  badJson: fault(400, 50109, 'The request body contains invalid JSON.'),
  threadExists: fault(400, 160004, 'A thread has already been created for this message'),
  fileTooLarge: fault(413, 40005, 'Request entity too large'),
  oldEdits: fault(
    429,
    30046,
    'Maximum number of edits to messages older than 1 hour reached. Try again later',
  ),
} as const;

export interface FormProblems {
  /** @param path dotted, e.g. "components.0.components.1.custom_id"; '' for the body itself */
  add(path: string, code: string, message: string): void;
  tooLong(path: string, value: string, charsMax: number): void;
  badLength(path: string, min: number, max: number): void;
  /** @throws DiscordFault 50035 when anything was added */
  check(): void;
}

export function collectProblems(): FormProblems {
  const found: { path: string; code: string; message: string }[] = [];
  const add = (path: string, code: string, message: string) => found.push({ path, code, message });
  return {
    add,
    tooLong(path, value, charsMax) {
      if (value.length > charsMax)
        add(path, 'BASE_TYPE_MAX_LENGTH', `Must be ${charsMax} or fewer in length.`);
    },
    badLength(path, min, max) {
      add(path, 'BASE_TYPE_BAD_LENGTH', `Must be between ${min} and ${max} in length.`);
    },
    check() {
      if (found.length === 0) return;
      const errors: Record<string, unknown> = {};
      for (const { path, code, message } of found) {
        let node = errors;
        for (const key of path === '' ? [] : path.split('.')) {
          node[key] ??= {};
          node = node[key] as Record<string, unknown>;
        }
        node._errors = [...((node._errors as unknown[]) ?? []), { code, message }];
      }
      throw new DiscordFault(400, { message: 'Invalid Form Body', code: 50035, errors });
    },
  };
}
