// What every chat platform must do, run against its local server through its real library: one suite, each platform's
// bench says how a person acts there. Used by platform-conformance.e2e.test.ts. It never asks which platform it is.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeAction } from '../../bots/core/button-codec.ts';
import { createDispatcher } from '../../bots/core/dispatcher.ts';
import type {
  CommandDefinition,
  Inbound,
  InboundHandler,
  Platform,
  Responder,
} from '../../bots/core/platform.ts';
import { bold, code, lines, quote, rich, small } from '../../bots/core/rich-text.ts';
import { quietBotLog } from '../support/fake-platform.ts';

/** A message of the bot as its reader has it. */
interface ShownMessage {
  /** With markup taken away: what a person reads. */
  readonly text: string;
  readonly buttons: readonly string[];
  readonly onlyYou: boolean;
  readonly pings: boolean;
  /** Pixels of the picture in it, as the app was told; absent where there is none. */
  readonly picture?: { readonly width: number; readonly height: number };
  /** Another file in it, by name and size. */
  readonly file?: { readonly name: string; readonly bytes: number };
}

/** A person in front of one local platform server, and its levers. */
export interface PlatformBench {
  readonly platform: Platform;
  readonly conversationId: string;
  say(text: string): Promise<void>;
  command(name: string, args: Readonly<Record<string, string>>): Promise<void>;
  press(label: string): Promise<void>;
  /** Fills the form that opens, field by field. */
  fillForm(values: readonly (readonly [id: string, value: string])[]): Promise<void>;
  /** Presses Stop while a message is being written, wherever the app shows it. */
  stopStream(): Promise<void>;
  shown(): readonly ShownMessage[];
  notices(): readonly string[];
  /** Until what a person sees (messages, drafts, notices) contains the text. */
  waitFor(text: string): Promise<unknown>;
  readonly trouble: {
    /** The next send or edit is carried out, but its answer is lost. */
    loseAnswer(of: 'send' | 'edit'): void;
    /** The next `count` calls that finish a stream fail with a server error. */
    fail(count: number): void;
    redeliver(count: number): void;
  };
  /** How many calls the bot made that send or change messages. */
  calls(): number;
  /** Moves the conversation to a place that others read too; false where the local server has none. */
  goPublic(): boolean;
  stop(): Promise<void>;
}

const COMMANDS: readonly CommandDefinition[] = [
  { name: 'help', description: 'What I can do', options: [], onlyForYou: true },
  {
    name: 'ask',
    description: 'Ask',
    options: [{ name: 'question', description: 'What', required: true, rest: true }],
  },
  { name: 'contribute', description: 'A form', options: [], opensForm: true, onlyForYou: true },
];

const stopButton = { action: encodeAction('stop', 'r1'), label: 'Stop', style: 'danger' } as const;

export function platformConformance(name: string, openBench: () => Promise<PlatformBench>): void {
  describe(`${name} as a platform`, () => {
    let bench: PlatformBench;
    let events: Inbound[];
    let faults: unknown[];
    let handle: (event: Inbound, respond: Responder) => Promise<void>;

    beforeEach(async () => {
      bench = await openBench();
      events = [];
      faults = [];
      handle = async () => {};
      const counted: InboundHandler = async (event, respond) => {
        events.push(event);
        await handle(event, respond).catch((fault: unknown) => {
          faults.push(fault);
        });
      };
      await bench.platform.start(counted, COMMANDS);
    });

    afterEach(async () => {
      await bench.stop();
      expect(faults).toEqual([]);
    });

    const texts = (): string[] => bench.shown().map(({ text }) => text);

    it('brings a text with who and where, and answers it', async () => {
      handle = async (_, respond) => {
        await respond.reply({ text: rich('Hello ', bold('Ada'), '.') });
      };
      await bench.say('good morning');
      await bench.waitFor('Hello');
      expect(texts()).toEqual(['Hello Ada.']);
      expect(events[0]).toMatchObject({
        kind: 'text',
        text: 'good morning',
        source: {
          displayName: 'Ada',
          isPrivate: true,
          conversationId: bench.conversationId,
          platform: bench.platform.name,
        },
      });
    });

    it('brings a command with its argument, takes a second reply, and outside events go to the same place', async () => {
      handle = async (event, respond) => {
        if (event.kind !== 'command') return;
        await respond.reply({ text: rich(`You asked: ${event.args.question}`) });
        await respond.reply({ text: rich('And this comes after.') });
      };
      await bench.command('ask', { question: 'what is   a river?' });
      await bench.waitFor('comes after');
      await bench.platform.send(bench.conversationId, { text: rich('News.') }, 'news-1');
      await bench.platform.send(bench.conversationId, { text: rich('News.') }, 'news-1');
      await bench.waitFor('News.');
      expect(texts()).toEqual(['You asked: what is   a river?', 'And this comes after.', 'News.']);
    });

    it('brings a press with its action, shows a notice, replaces text and buttons, keeps text when only buttons change', async () => {
      const up = { action: encodeAction('rate_up', 'call-1'), label: '👍' };
      handle = async (event, respond) => {
        if (event.kind === 'text') await respond.reply({ text: rich('Answer.'), buttons: [[up]] });
        if (event.kind !== 'press') return;
        await respond.toast('Thank you.');
        await respond.editButtons(event.message, [
          [{ ...up, label: '👍 ✓', style: 'success' }],
          [{ action: encodeAction('help'), label: 'Off', disabled: true }],
        ]);
        await respond.reply({ text: rich('Beside it.'), ephemeral: true });
      };
      await bench.say('hi');
      await bench.press('👍');
      await bench.waitFor('Thank you.');
      await bench.waitFor('Beside it.');
      expect(events[1]).toMatchObject({ kind: 'press', action: up.action });
      expect(bench.shown().find(({ text }) => text === 'Answer.')).toMatchObject({
        buttons: ['👍 ✓', 'Off'],
      });
      handle = async (event, respond) => {
        if (event.kind === 'press') await respond.edit(event.message, { text: rich('Replaced.') });
      };
      await bench.press('👍 ✓');
      await bench.waitFor('Replaced.');
      expect(bench.shown().find(({ text }) => text === 'Replaced.')?.buttons).toEqual([]);
    });

    it('streams, drops what is too much, shows the final text once with its buttons', async () => {
      const before = bench.calls();
      handle = async (_, respond) => {
        const stream = await respond.stream(stopButton, rich('Thinking…'));
        for (let i = 1; i <= 300; i += 1) {
          stream.update(rich('word '.repeat(i)));
          if (i % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 100));
        }
        await stream.finish({
          text: rich('The end.'),
          buttons: [[{ action: encodeAction('again', 'c'), label: 'Again' }]],
        });
      };
      await bench.say('write');
      await bench.waitFor('word word');
      await bench.waitFor('The end.');
      expect(bench.shown()).toEqual([{ text: 'The end.', buttons: ['Again'], onlyYou: false, pings: false }]);
      expect(bench.calls() - before).toBeLessThan(60);
    });

    it('Stop reaches the bot while the message is being written', async () => {
      let stopped: () => void = () => {};
      const stop = new Promise<void>((resolve) => {
        stopped = resolve;
      });
      handle = async (event, respond) => {
        if (event.kind === 'stop' || event.kind === 'press') stopped();
        if (event.kind !== 'text') return;
        const stream = await respond.stream(stopButton, rich('Writing…'));
        await stop;
        await stream.finish({ text: rich('Stopped here.') });
      };
      await bench.say('write');
      await bench.waitFor('Writing…');
      await bench.stopStream();
      await bench.waitFor('Stopped here.');
      expect(texts()).toEqual(['Stopped here.']);
    });

    it('asks a form by command and by button and brings its values', async () => {
      const form = {
        action: encodeAction('contribution', 'atlas'),
        title: 'Contribute',
        fields: [
          { id: 'question', label: 'A question', charsMin: 3, charsMax: 300 },
          { id: 'answer', label: 'Its answer', charsMin: 1, charsMax: 1000, long: true },
        ],
      };
      const again = { action: encodeAction('contribute', 'atlas'), label: 'Write it' };
      handle = async (event, respond) => {
        if (event.kind === 'command' || event.kind === 'press') await respond.openForm(form, again);
        if (event.kind === 'form') {
          await respond.reply({
            text: rich(`${event.values.question} → ${event.values.answer}`),
            buttons: [[again]],
          });
        }
      };
      await bench.command('contribute', {});
      await bench.fillForm([
        ['question', 'Capital of Nauru?'],
        ['answer', 'Yaren.'],
      ]);
      await bench.waitFor('Capital of Nauru? → Yaren.');
      await bench.press('Write it');
      await bench.fillForm([
        ['question', 'Capital of Tuvalu?'],
        ['answer', 'Funafuti.\nOn an atoll.'],
      ]);
      await bench.waitFor('Capital of Tuvalu? → Funafuti.');
      const taken = events.filter(({ kind }) => kind === 'form');
      expect(taken).toHaveLength(2);
      expect(taken[1]).toMatchObject({
        action: form.action,
        values: { question: 'Capital of Tuvalu?', answer: 'Funafuti.\nOn an atoll.' },
      });
    });

    it('a slow handler of a form still gets its form, by a button', async () => {
      handle = async (event, respond) => {
        if (event.kind === 'command') await new Promise((resolve) => setTimeout(resolve, 2300));
        const form = {
          action: encodeAction('contribution', 'a'),
          title: 'F',
          fields: [{ id: 'q', label: 'Q', charsMin: 1, charsMax: 9 }],
        };
        if (event.kind === 'form') await respond.reply({ text: rich(`Got ${event.values.q}.`) });
        else await respond.openForm(form, { action: encodeAction('contribute', 'a'), label: 'Open it' });
      };
      await bench.command('contribute', {});
      if (bench.platform.capabilities.forms) await bench.press('Open it');
      await bench.fillForm([['q', 'yes']]);
      await bench.waitFor('Got yes.');
    });

    it('cuts a text of 9,000 characters between words, loses none, and puts the buttons under the last part', async () => {
      const words = Array.from({ length: 1500 }, (_, i) => `w${i}`.padEnd(5, '_'));
      handle = async (event, respond) => {
        if (event.kind !== 'text') return;
        const stream = await respond.stream(stopButton, rich('…'));
        stream.update(rich(words.join(' ')));
        await stream.finish({
          text: rich(words.join(' ')),
          buttons: [[{ action: encodeAction('help'), label: 'Help' }]],
        });
      };
      await bench.say('much');
      await bench.waitFor('w1499');
      await bench.press('Help');
      const parts = bench.shown();
      expect(parts.length).toBeGreaterThan(1);
      expect(parts.map(({ text }) => text).join(' ')).toBe(words.join(' '));
      expect(parts.map(({ buttons }) => buttons.length)).toEqual([...parts.slice(1).map(() => 0), 1]);
      for (const { text } of parts)
        expect(text.length).toBeLessThanOrEqual(bench.platform.capabilities.messageCharsMax);
    });

    it.each([
      '@everyone @here <@123456789012345678> <@&1> @durov',
      '**bold** __under__ *it* _it_ ~~no~~ ||spoiler|| `code` ```\nblock\n```',
      '# head\n- item\n> quote\n>>> all\n1. one\n-# small\n+ plus',
      '<b>bold</b> <a href="tg://user?id=1">x</a> &lt; [link](https://evil.example) <https://a.b>',
      'back\\slash \\*star\\* \\\\ <:emoji:123> <t:1:R> </help:1>',
      'ends with backslash \\',
      '👩‍👩‍👧 עברית العربية 𝔘𝔫𝔦',
    ])('shows %j to the letter and pings nobody', async (text) => {
      handle = async (_, respond) => {
        await respond.reply({
          text: lines(
            rich(text),
            bold(text),
            quote(text),
            code(text.replaceAll('`', '')),
            small('end of it'),
          ),
        });
      };
      await bench.say('x');
      await bench.waitFor('end of it');
      const [message] = bench.shown();
      expect(message?.text).toBe([text, text, text, text.replaceAll('`', ''), 'end of it'].join('\n'));
      expect(message?.pings).toBe(false);
    });

    it('gets every one of 8 quick sends through, in order, whatever the flood limits say', async () => {
      const wanted = Array.from({ length: 8 }, (_, i) => `number ${i}`);
      handle = async (_, respond) => {
        await Promise.all(wanted.map((text) => respond.reply({ text: rich(text) })));
      };
      await bench.say('go');
      await bench.waitFor('number 7');
      expect(texts()).toEqual(wanted);
    });

    it('delivers the final answer once although its servers fail, the first edit and the first send lose their answers', async () => {
      handle = async (_, respond) => {
        const stream = await respond.stream(stopButton, rich('Writing…'));
        bench.trouble.fail(2);
        await stream.finish({ text: rich('Final one.') });
      };
      await bench.say('x');
      await bench.waitFor('Final one.');
      const ref = await bench.platform.send(bench.conversationId, { text: rich('News.') }, 'news');
      bench.trouble.loseAnswer('edit');
      await bench.platform.editMessage(ref, { text: rich('Edited news.') });
      await bench.waitFor('Edited news.');
      expect(texts()).toEqual(['Final one.', 'Edited news.']);
      bench.trouble.loseAnswer('send');
      await bench.platform.send(bench.conversationId, { text: rich('Lost?') }, 'lost');
      const copies = texts().filter((text) => text === 'Lost?').length;
      expect(copies).toBeGreaterThanOrEqual(1);
      expect(copies).toBeLessThanOrEqual(bench.platform.capabilities.idempotentSends ? 1 : 2);
    });

    it('an update delivered twice has one event id, so the dispatcher handles it once', async () => {
      let handled = 0;
      const dispatch = createDispatcher({
        handle: async (_, respond) => {
          handled += 1;
          await respond.reply({ text: rich(`Handled ${handled}.`) });
        },
        laneOf: () => 'queued',
        failureReply: () => ({ text: rich('failed') }),
        tooManyReply: () => ({ text: rich('too many') }),
        doublePressToast: 'twice',
        log: quietBotLog,
      });
      handle = dispatch;
      await bench.say('once');
      await bench.waitFor('Handled 1.');
      bench.trouble.redeliver(1);
      await bench.say('twice');
      await bench.waitFor('Handled 2.');
      expect(events.length).toBeGreaterThanOrEqual(3);
      expect(texts()).toEqual(['Handled 1.', 'Handled 2.']);
    });

    it('in a shared place only the person sees what is for them, and streams go to all', async () => {
      if (!bench.goPublic()) {
        console.log(
          `${name}: the local server has private chats only; shared places are covered by its own tests`,
        );
        return;
      }
      handle = async (event, respond) => {
        if (event.kind !== 'command') return;
        if (event.name === 'help') await respond.reply({ text: rich('Only you.'), ephemeral: true });
        if (event.name !== 'ask') return;
        if (event.args.question === 'private')
          await respond.reply({ text: rich('Refused, for you.'), ephemeral: true });
        else {
          const stream = await respond.stream(stopButton, rich('Writing…'));
          await stream.finish({ text: rich('For everyone.') });
        }
      };
      await bench.command('help', {});
      await bench.waitFor('Only you.');
      await bench.command('ask', { question: 'private' });
      await bench.waitFor('Refused, for you.');
      await bench.command('ask', { question: 'public' });
      await bench.waitFor('For everyone.');
      expect(bench.shown().map(({ text, onlyYou }) => [text, onlyYou])).toEqual([
        ['Only you.', true],
        ['Refused, for you.', true],
        ['For everyone.', false],
      ]);
      expect(events[0]?.source).toMatchObject({ isPrivate: false, displayName: 'Ada' });
    });
  });
}
