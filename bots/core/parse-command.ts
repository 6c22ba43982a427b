// A typed line "/ask what is …" as a command with its arguments. Used by platforms where commands are plain text.
// Pure. An unknown name is still a command (the handler says what exists); "/" alone or "/ x" is plain text.
import type { CommandDefinition } from './platform.ts';

interface TypedCommand {
  readonly name: string;
  /** The name after "@", lower case, when the line names a bot. */
  readonly addressee: string | null;
  readonly args: Readonly<Record<string, string>>;
}

const LINE = /^\/([a-z0-9_]{1,32})(?:@([a-z0-9_]{1,64}))?(?:\s+([\s\S]*))?$/i;

/** The command that a line is, or null when it is plain text. Options are filled from left to right. */
export function parseCommand(line: string, definitions: readonly CommandDefinition[]): TypedCommand | null {
  const match = LINE.exec(line.trim());
  if (match === null) return null;
  const name = (match[1] ?? '').toLowerCase();
  const addressee = match[2]?.toLowerCase() ?? null;
  let rest = (match[3] ?? '').trim();
  const args: Record<string, string> = {};
  for (const option of definitions.find((definition) => definition.name === name)?.options ?? []) {
    if (rest === '') break;
    const word = option.rest ? rest : (/^\S+/.exec(rest)?.[0] ?? '');
    args[option.name] = word;
    rest = rest.slice(word.length).trim();
  }
  return { name, addressee, args };
}
