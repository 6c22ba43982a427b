// The inference library carries telemetry to its maker. Every npm script starts through bots/boot.mjs, which
// switches it off.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

it("starts every script with onnxruntime's telemetry switched off", () => {
  const boot = join(import.meta.dirname, '../../bots/boot.mjs');
  const env = { ...process.env, ORT_DISABLE_TELEMETRY: undefined };
  const said = execFileSync(process.execPath, [boot, '-p', 'process.env.ORT_DISABLE_TELEMETRY'], { env });
  expect(said.toString().trim()).toBe('1');
});
