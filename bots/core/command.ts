// What one command file exports: its definition as data, its lane and what it does. Used by every file in bots/commands
// and by create-command-handler.ts, which routes by definition. `Context` is what the commands share; core does not know it.
import type { Lane } from './dispatcher.ts';
import type { CommandDefinition } from './platform.ts';

export interface Command<Context> {
  readonly definition: CommandDefinition;
  readonly lane: Lane;
  run(context: Context, args: Readonly<Record<string, string>>): Promise<void>;
}
