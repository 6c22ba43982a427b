// Settings: defaults hold, wrong values are named with what they should be, secrets never show.
import { describe, expect, it } from 'vitest';
import { readSettings, settings } from '../../bots/settings.ts';

describe('readSettings', () => {
  it('gives every default on an empty environment', () => {
    const read = readSettings({});
    expect(read).toMatchObject({ PLAYGROUND_PORT: 8137, TRAIN_AFTER_ACCEPTED: 20, DATABASE_URL: undefined });
    expect(Object.keys(read)).toEqual(settings.map((setting) => setting.name));
  });

  it.each([
    ['PLAYGROUND_PORT', '70000', 'a whole number from 0 to 65535'],
    ['ENGINE_THREADS', 'two', 'a whole number from 1 to 64'],
    ['DATABASE_URL', 'mysql://x', 'postgres://'],
    ['STARTER_GRANT_OPEN', '1.0000000001', 'at most nine decimals'],
    ['LOG_LEVEL', 'loud', 'LOG_LEVEL should be'],
  ])('refuses %s=%s and says what it should be', (name, value, hint) => {
    expect(() => readSettings({ [name]: value })).toThrow(name);
    expect(() => readSettings({ [name]: value })).toThrow(hint);
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
