// Settings: defaults hold, wrong values are named with what they should be, secrets never show.
import { describe, expect, it } from 'vitest';
import { readSettings, settings } from '../../bots/settings.ts';

describe('readSettings', () => {
  it('gives every default on an empty environment', () => {
    const read = readSettings({});
    expect(read).toMatchObject({ PLAYGROUND_PORT: 8137, TRAIN_AFTER_ACCEPTED: 20, DATABASE_URL: undefined });
    expect(read).toMatchObject({ ENGINE_THREADS: undefined, ENGINE_ROWS: 16, ENGINE_MEMORY_MB: undefined });
    expect(read).toMatchObject({ TRAIN_PARALLEL: 1, TRAIN_MINUTES: undefined, OPERATORS: [] });
    expect(readSettings({ OPERATORS: 'discord:12, telegram:34' }).OPERATORS).toEqual([
      'discord:12',
      'telegram:34',
    ]);
    expect(Object.keys(read)).toEqual(settings.map((setting) => setting.name));
  });

  it.each([
    ['PLAYGROUND_PORT', '70000', 'a whole number from 0 to 65535'],
    ['ENGINE_THREADS', 'two', 'a whole number from 1 to 64'],
    ['ENGINE_THREADS', '65', 'a whole number from 1 to 64'],
    ['ENGINE_ROWS', '0', 'a whole number from 1 to 256'],
    ['ENGINE_MEMORY_MB', '8 GB', 'a whole number from 64 to'],
    ['ENGINE_DEVICE', 'gpu', 'one of auto, cpu, webgpu, cuda'],
    ['ENGINE_WEIGHTS', 'int5', 'one of int8, int4, f32'],
    ['ENGINE_REMOTE_URL', 'ftp://x', 'an address like http://10.0.0.5:8000'],
    ['ENGINE_REMOTE_URL', 'http://user:secret@host', 'an address like http://10.0.0.5:8000'],
    ['ENGINE_REMOTE_DIALECT', 'openai', 'one of auto, openmodels, vllm, sglang, llamacpp'],
    ['TRAIN_PARALLEL', '0', 'a whole number from 1 to 8'],
    ['TRAIN_MEMORY_MB', 'lots', 'a whole number from 64 to'],
    ['TRAIN_MINUTES', '0', 'a whole number from 1 to'],
    ['OPERATORS', 'ada', 'a list like discord:123456789'],
    ['DATABASE_URL', 'mysql://x', 'postgres://'],
    ['STARTER_GRANT_OPEN', '1.0000000001', 'at most nine decimals'],
    ['LOG_LEVEL', 'loud', 'LOG_LEVEL should be'],
  ])('refuses %s=%s and says what it should be', (name, value, hint) => {
    expect(() => readSettings({ [name]: value })).toThrow(name);
    expect(() => readSettings({ [name]: value })).toThrow(hint);
    expect(() => readSettings({ [name]: value })).not.toThrow(/secret@/);
  });

  it('names every wrong setting at once', () => {
    expect(() => readSettings({ PLAYGROUND_PORT: 'x', ENGINE_THREADS: '0' })).toThrow(
      /PLAYGROUND_PORT[\s\S]*ENGINE_THREADS/,
    );
  });

  it('never shows the value of a wrong secret', () => {
    const secret = 'not-a-token-but-private';
    try {
      readSettings({ TELEGRAM_BOT_SECRET: secret, DISCORD_BOT_SECRET: secret });
      expect.unreachable();
    } catch (error) {
      expect(String(error)).toContain('TELEGRAM_BOT_SECRET should be a Telegram bot token');
      expect(String(error)).not.toContain(secret);
    }
  });
});
